#pragma once

#include <cstdint>
#include <type_traits>

#include "vmm/kvm/vm.hpp"

namespace irqbench::vmm::kvm {

/// A device inside KVM, such as a vGIC: KVM_CREATE_DEVICE. It lives as long as the VM.
class Device {
  public:
    /// @param type KVM_DEV_TYPE_*; ENODEV if this KVM has no such device
    Device(Vm& vm, std::uint32_t type);
    [[nodiscard]] static Attempt<Device> try_create(Vm& vm, std::uint32_t type);

    /// KVM_HAS_DEVICE_ATTR.
    [[nodiscard]] bool has(std::uint32_t group, std::uint64_t attribute) const;

    /// KVM_GET_DEVICE_ATTR; T is what api.rst, devices/, says for the attribute. ENXIO for an unknown one.
    template <class T>
    requires std::is_trivially_copyable_v<T>
    [[nodiscard]] Outcome try_get(std::uint32_t group, std::uint64_t attribute, T& value) const {
        return transfer_in(group, attribute, reinterpret_cast<std::uintptr_t>(&value));
    }
    /// KVM_SET_DEVICE_ATTR.
    template <class T>
    requires std::is_trivially_copyable_v<T>
    [[nodiscard]] Outcome try_set(std::uint32_t group, std::uint64_t attribute, const T& value) {
        return transfer_out(group, attribute, reinterpret_cast<std::uintptr_t>(&value));
    }
    /// KVM_SET_DEVICE_ATTR for an attribute that is a command and carries no value.
    [[nodiscard]] Outcome try_set(std::uint32_t group, std::uint64_t attribute) {
        return transfer_out(group, attribute, 0);
    }

    template <class T>
    [[nodiscard]] T get(std::uint32_t group, std::uint64_t attribute) const {
        T value{};
        require(try_get(group, attribute, value), "KVM_GET_DEVICE_ATTR");
        return value;
    }
    template <class... T>
    void set(std::uint32_t group, std::uint64_t attribute, const T&... value) {
        require(try_set(group, attribute, value...), "KVM_SET_DEVICE_ATTR");
    }

    /// Closes the descriptor; every call after it fails with ENOTTY.
    void close_file() { fd_.close_file(); }

  private:
    explicit Device(Fd fd) : fd_(static_cast<Fd&&>(fd)) {}

    [[nodiscard]] Outcome transfer_in(std::uint32_t group, std::uint64_t attribute,
                                      std::uint64_t address) const;
    [[nodiscard]] Outcome transfer_out(std::uint32_t group, std::uint64_t attribute, std::uint64_t address);

    Fd fd_;
};

}  // namespace irqbench::vmm::kvm
