#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tools/fuzz/exclusions.hpp"
#include "tools/fuzz/generator.hpp"

namespace irqbench::tools::fuzz {

/// What a run of the reference has come to, as far as it decides whether a step means anything there.
class Sense {
  public:
    virtual ~Sense() = default;
    /// What happened up to now; the events of before come first again.
    virtual void catch_up(const std::vector<vmm::Event>& events) = 0;
    /// Whether the specification says what the step does now.
    [[nodiscard]] virtual bool can_take(const Json& step) const = 0;
    /// The step is performed next.
    virtual void perform(const Json& step) = 0;
};

/// What is particular to one architecture: everything the rest of this folder must not know.
struct Architecture {
    std::string_view name;                       ///< as a scenario's "arch" says it
    std::span<const std::string_view> features;  ///< what a case may be made of, as `--without` calls it
    std::span<const Exclusion> exclusions;
    /// Why no case can be made without these features; nothing if one can.
    std::string (*impossible)(std::span<const std::string_view> without);
    /// See fuzz::generate().
    Case (*generate)(std::uint64_t seed, std::uint64_t number, const GeneratorOptions& options);
    /// Null where every step means something that a vCPU can execute.
    std::unique_ptr<Sense> (*sense)(const Case& each);
    /// Interrupts that KVM gives to any one of several vCPUs, and these.
    std::map<std::uint32_t, std::set<std::uint32_t>> (*one_of)(const Case& each);
    /// Steps by which vCPU 0 takes an interrupt on every machine.
    std::vector<Json> (*control)();
    std::string_view id;                          ///< the key by which steps name an interrupt: `vector`
    Json (*id_text)(std::uint32_t id);            ///< its value
    std::span<const std::string_view> usual_ids;  ///< that readers know from other files, to be put instead
    /// Arguments, and options of the machine, that are nothing simpler for being left out, or being 0.
    std::span<const std::string_view> kept;
    /// Has the step expect the exception that it raises.
    void (*raises)(Json& step, const std::string& exception);
};

/// Every architecture that cases are made for: the list is in architectures.cpp.
std::span<const Architecture* const> architectures();
/// The architecture of that name; null when there is none.
const Architecture* find_architecture(std::string_view name);

}  // namespace irqbench::tools::fuzz
