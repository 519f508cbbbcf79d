#pragma once

#include "scenarios/verbs/common/guest.hpp"
#include "vmm/guest/agent_abi.h"

/// `write` and `read`: raw accesses by the guest. What there is to be accessed is each architecture's own.
namespace irqbench::scenarios::verbs {

/// An exception that an access must raise.
struct Fault {
    std::uint32_t number = 0;  ///< as the agent reports it
    std::string_view word;
};

/// One access, whether it writes or reads.
struct Access {
    std::string in_words;  ///< `msr 0x1b`
    std::uint32_t read = OP_READ;
    std::uint32_t write = OP_WRITE;
    std::uint64_t address = 0;  ///< or number, as the two operations of the agent want it
    std::uint32_t bytes = 4;
    std::optional<Place> place{};           ///< for the validity checks, where a guest's address is accessed
    std::vector<vmm::GuestOp> selection{};  ///< what has to come before
    std::string shared_register{};          ///< of the selection: Facts::shared_register
    std::uint32_t vcpu = 0;
    std::optional<Fault> fault{};
    bool sends_ipis = false;  ///< a write may reach an interrupt controller that wakes and starts vCPUs,
                              ///< now or later
};

/// Of an architecture's `Target`, which has
///     vcpu, size, fault           members: who, how many bytes (4 by default), and the exception it must
///     raise places()                    the fields of its places constraints                 of which
///     exactly one is given; and whether `size` goes with it Access access() const       the one given
/// and for whose exceptions there is fault_number().
template <class Target>
Access access_of(const Target& target) {
    Access access = target.access();
    access.vcpu = target.vcpu;
    if (target.size) access.bytes = static_cast<std::uint32_t>(target.size->value);
    if (target.fault) access.fault = Fault{fault_number(*target.fault), word_of(*target.fault)};
    return access;
}

template <class Target>
constexpr auto access_fields() {
    return std::tuple_cat(std::tuple{vcpu_field(&Target::vcpu)}, Target::places(),
                          std::tuple{optional("size", &Target::size, "bytes; 4 by default"),
                                     optional("fault", &Target::fault, "the exception it must raise")});
}

/// Refuses a value that has more bytes than are written.
void check_width(std::uint64_t value, std::uint32_t bytes, const Cursor& at);

/// Of `write`: a place of the architecture, and the value.
template <class Target>
struct WriteArguments : Target {
    std::uint64_t value = 0;
    static constexpr auto fields() {
        return std::tuple_cat(access_fields<Target>(),
                              std::tuple{required("value", &WriteArguments::value, "the value")});
    }
    static void check(const WriteArguments& arguments, const Cursor& at) {
        if constexpr (requires { Target::check(arguments, at); }) Target::check(arguments, at);
        check_width(arguments.value, access_of(arguments).bytes, at);
    }
};

/// Of `read`: a place of the architecture, and what must be there.
template <class Target>
struct ReadArguments : Target {
    std::optional<std::uint64_t> is;
    std::optional<std::uint64_t> mask;
    static constexpr auto fields() {
        return std::tuple_cat(
            access_fields<Target>(),
            std::tuple{optional("is", &ReadArguments::is, "the value it must have"),
                       optional("mask", &ReadArguments::mask, "the bits of `is` that count")});
    }
    static_assert(Target::constraints.size() == 2);
    static constexpr std::array constraints{Target::constraints[0], Target::constraints[1],
                                            needs("mask", "is"), excludes("fault", "is")};
};

/// What both verbs do: they write `value`, or read and claim what they read.
class AccessVerb : public GuestVerb {
  public:
    [[nodiscard]] std::string explain() const override;
    [[nodiscard]] std::vector<Expectation> expects() const override;
    [[nodiscard]] Facts facts() const override;
    [[nodiscard]] std::vector<vmm::GuestOp> operations(Stage& stage) const override;
    [[nodiscard]] std::uint32_t vcpu() const override { return access_.vcpu; }

  protected:
    struct Claim {
        std::optional<std::uint64_t> is;
        std::optional<std::uint64_t> mask;
    };
    AccessVerb(Access access, std::uint64_t value) : access_(std::move(access)), value_(value) {}
    AccessVerb(Access access, Claim claim) : access_(std::move(access)), claim_(claim) {}

  private:
    Access access_;
    std::optional<std::uint64_t> value_;
    Claim claim_;
};

template <class Target>
class WriteVerb final : public AccessVerb {
  public:
    using Arguments = WriteArguments<Target>;
    explicit WriteVerb(const Arguments& arguments) : AccessVerb(access_of(arguments), arguments.value) {}
};

template <class Target>
class ReadVerb final : public AccessVerb {
  public:
    using Arguments = ReadArguments<Target>;
    explicit ReadVerb(const Arguments& arguments)
        : AccessVerb(access_of(arguments), Claim{arguments.is, arguments.mask}) {}
};

}  // namespace irqbench::scenarios::verbs
