#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tools/fuzz/architecture.hpp"

namespace irqbench::tools::fuzz::arm64 {

/// What is in service on each vCPU: what was acknowledged, and is to be ended and deactivated. Writing EOIR
/// in another order than IAR was read in, or DIR for what is not active, is unpredictable (IHI 0069, 12.2
/// ICC_EOIR1_EL1 and ICC_DIR_EL1; IHI 0048, 4.4.5 and 4.4.15). And how the lines are: one that is raised is
/// raised again only if it is a level, as KVM_IRQ_LINE asks it of edges (api.rst 4.25), and none before its
/// trigger is programmed, which is unknown out of reset (IHI 0069, 12.9 GICD_ICFGR).
class Service final : public Sense {
  public:
    explicit Service(const Case& each);

    void catch_up(const std::vector<vmm::Event>& events) override;
    [[nodiscard]] bool can_take(const Json& step) const override;
    void perform(const Json& step) override;

  private:
    struct Policy {
        bool stays = false;
        bool ends = true;  ///< at the end, if not first
        bool ends_first = false;
        bool deactivates = false;
    };
    struct Frame {
        std::uint32_t intid;
        Policy policy;
    };
    struct Cpu {
        std::map<std::uint32_t, Policy> policies;
        std::vector<Frame> frames;               ///< handlers that stay
        bool mode_1 = false;                     ///< EOImode
        std::array<bool, 2> groups{true, true};  ///< that ICC_IGRPEN0_EL1 and ICC_IGRPEN1_EL1 enable
        std::vector<std::uint32_t> unended;      ///< acknowledged, EOIR not written yet
        std::multiset<std::uint32_t> undropped;  ///< EOIR was written in EOImode 1, DIR not yet
    };

    void declare(const Json& handler);
    void taken(Cpu& cpu, std::uint32_t intid);
    void left(Cpu& cpu, std::uint32_t intid);
    void ended(Cpu& cpu, std::uint32_t intid);
    /// What EOIR or DIR would name.
    [[nodiscard]] std::optional<std::uint32_t> named_by(const Json& argument) const;
    [[nodiscard]] bool can_end(const Json& argument) const;
    [[nodiscard]] bool can_deactivate(const Json& argument) const;
    [[nodiscard]] bool can_leave(std::uint32_t vcpu) const;
    [[nodiscard]] bool can_declare(const Json& handler) const;
    [[nodiscard]] bool can_enable(const Json& write) const;
    /// The INTID of a line, and whose it is: SPIs are all vCPUs'.
    using Line = std::pair<std::uint32_t, std::uint32_t>;
    static Line line_of(const Json& argument);
    [[nodiscard]] bool can_move(const std::string& verb, const Line& line) const;
    void learn_trigger(const std::string& verb, const Json& argument);
    [[nodiscard]] bool is_active(std::uint32_t vcpu, std::uint32_t intid) const;
    [[nodiscard]] bool is_idle(std::uint32_t vcpu) const;

    std::vector<Cpu> cpus_;
    std::set<std::uint32_t> group_0_;
    std::map<Line, bool> edges_;  ///< the lines whose trigger is known, and whether it is edge
    std::set<Line> high_;         ///< those of them that were raised
    std::size_t next_ = 0;
};

}  // namespace irqbench::tools::fuzz::arm64
