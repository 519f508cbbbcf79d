#pragma once

#include <any>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace irqbench::vmm {

/// A machine's state at one moment: a value that does not change with the machine. What is in it is known to
/// the machines that can restore it.
class MachineState {
  public:
    virtual ~MachineState() = default;
};

/// How a state is restored.
struct RestoreOptions {
    std::vector<std::string> first;    ///< parts that come before the others, in this order
    std::vector<std::string> without;  ///< parts that are left as a new machine has them
    std::string placement =
        {};  ///< irqchip mode of the new machine, from a portable state; as it was if empty
    std::chrono::nanoseconds now{};  ///< the time that the machine has reached at least
};

/// A part of a state: structures of the kernel's interface, or a value of a controller of ours.
using StatePart = std::any;

/// By name: `lapic`, `ioapic`, `lines` ...
using StateParts = std::map<std::string, StatePart, std::less<>>;

/// How a part is read and how it is put into a new machine.
struct StateAccess {
    std::string_view name;
    std::function<StatePart()> save;
    std::function<void(const StatePart&)> restore;
};

/// A part whose values are of type T.
/// @throws std::invalid_argument, from its restore, if a part is of another type
template <class T>
StateAccess state_access(std::string_view name, std::function<T()> save,
                         std::function<void(const T&)> restore) {
    return {name, [save = std::move(save)] { return StatePart(save()); },
            [name, restore = std::move(restore)](const StatePart& part) {
                const T* value = std::any_cast<T>(&part);
                if (value == nullptr)
                    throw std::invalid_argument("the saved " + std::string(name) + " is not of this machine");
                restore(*value);
            }};
}

/// Reads every part, the last one first: what is restored late depends on what came before it, and must not
/// be changed by the reading of that.
[[nodiscard]] StateParts save_parts(std::span<const StateAccess> accesses);

/// Restores the parts in the order of `accesses`, but for what the options say.
/// @throws std::invalid_argument if a part that is named or needed does not exist
void restore_parts(std::span<const StateAccess> accesses, const StateParts& parts,
                   const RestoreOptions& options);

}  // namespace irqbench::vmm
