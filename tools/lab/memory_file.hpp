#pragma once

#include <string>
#include <string_view>

#include "vmm/kvm/fd.hpp"

namespace irqbench::tools::lab {

/// A file without a name, that goes with us however we end. Another program of ours opens it by path().
class MemoryFile {
  public:
    /// @param name shows in /proc only
    /// @throws std::system_error
    explicit MemoryFile(const char* name);

    /// @throws std::system_error
    void append(std::string_view bytes);

    [[nodiscard]] int fd() const { return fd_.get(); }
    /// Valid as long as this lives.
    [[nodiscard]] std::string path() const;
    [[nodiscard]] std::string content() const;

  private:
    vmm::kvm::Fd fd_;
};

}  // namespace irqbench::tools::lab
