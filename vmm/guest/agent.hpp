#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "vmm/guest/agent_abi.h"
#include "vmm/kvm/memory.hpp"
#include "vmm/machine.hpp"

namespace irqbench::vmm::guest {

/// One record of the agent's log; see RECORD_* in agent_abi.h.
struct Record {
    std::uint16_t kind;
    std::uint16_t vector;
    std::uint32_t depth;
    std::uint64_t tsc;
    std::uint64_t code;
    std::uint64_t rip;
};

/// An operation that the agent has finished.
struct FinishedOp {
    GuestOp op;                          ///< as posted, with the value read where it reads
    std::optional<std::uint32_t> fault;  ///< vector of the exception it raised
    bool refused = false;  ///< the agent cannot do it here, for example OP_RETURN outside a handler
};

/// The host's end of one vCPU's block of shared memory (agent_abi.h). Knows the layout, not the vCPU: whoever
/// runs the vCPU calls it. Guest memory is read through the checked accessor only, and no value found there
/// is trusted.
class Agent {
  public:
    /// Guest physical memory the agent needs for `vcpus` vCPUs, in bytes.
    static constexpr std::uint64_t memory_size(std::size_t vcpus) {
        return AGENT_BLOCKS + vcpus * AGENT_BLOCK_STRIDE;
    }
    static constexpr std::uint64_t block_address(std::uint32_t index) {
        return AGENT_BLOCKS + std::uint64_t{index} * AGENT_BLOCK_STRIDE;
    }

    /// An operation in the mailbox.
    struct Posted {
        GuestOp op;
        std::uint32_t number;  ///< of all operations ever posted
    };
    /// What the host knows of the block: the rest of it is in the guest's memory.
    struct Ends {
        std::uint32_t mail_head = 0;
        std::uint32_t log_tail = 0;
        std::vector<Posted> posted;
    };

    Agent(kvm::GuestMemory& memory, std::uint32_t index);

    [[nodiscard]] const Ends& ends() const { return ends_; }
    /// Takes over a block whose memory has been restored.
    void set_ends(Ends ends) { ends_ = std::move(ends); }

    /// Gives the block its initial values: an empty mailbox, `policy` for every vector, idling by `idle`
    /// (IDLE_*).
    void reset(std::uint32_t idle, std::uint8_t policy);
    /// A control word that is of one architecture: BLOCK_X2APIC, BLOCK_GICC ...
    template <class T>
    void set_word(std::uint32_t offset, T value) {
        memory_->write(block_ + offset, value);
    }
    template <class T = std::uint32_t>
    [[nodiscard]] T word(std::uint32_t offset) const {
        return memory_->load_acquire<T>(block_ + offset);
    }

    /// Puts an operation into the mailbox.
    /// @returns false if it is full
    [[nodiscard]] bool post(const GuestOp& op);
    /// Whether the agent has taken every operation off the mailbox; one that blocks may not have ended yet.
    [[nodiscard]] bool mailbox_empty() const;
    /// Whether every operation posted has been finished and collected.
    [[nodiscard]] bool all_finished() const { return ends_.posted.empty(); }
    /// Operations finished since the last call, in the order posted.
    [[nodiscard]] std::vector<FinishedOp> take_finished();
    /// The newest of the operations that are posted and not finished, if there is one. Older ones are those
    /// before it in the mailbox, and those in which a handler that stays was taken.
    [[nodiscard]] const GuestOp* unfinished() const {
        return ends_.posted.empty() ? nullptr : &ends_.posted.back().op;
    }

    /// Whether the agent idles in HLT and has done nothing since, as far as it can tell without being asked.
    [[nodiscard]] bool rested() const;
    /// Whether an operation that halts the vCPU is posted and not finished.
    [[nodiscard]] bool may_halt() const;
    /// Whether the vCPU is inside an operation, not between two.
    [[nodiscard]] bool executing() const;
    /// Forgets the operations that the vCPU had begun when INIT reset it: they never end. To be called while
    /// it waits for a SIPI.
    void abandon_begun();
    /// The same once it has been started: those that it has begun since are not meant.
    void abandon_begun_before_start();

    void set_policy(std::uint32_t vector, std::uint8_t policy);
    [[nodiscard]] std::uint8_t policy(std::uint32_t vector) const;

    /// Moves the records written since the last call to the end of `to`, and lets the agent write as many
    /// again.
    /// @returns how many
    /// @throws std::runtime_error if the log has overflowed, so that records are lost
    std::size_t take_records(std::vector<Record>& to);

    [[nodiscard]] std::uint32_t depth() const;
    [[nodiscard]] std::uint32_t in_service() const;
    /// The vector whose handler asked its device to drop the line (AGENT_EXIT_LOWER).
    [[nodiscard]] std::uint32_t lowering() const;
    [[nodiscard]] std::uint64_t cr2() const;

  private:
    [[nodiscard]] std::uint64_t slot_address(std::uint32_t number) const;
    [[nodiscard]] bool in_use(std::uint32_t number) const;
    void abandon_before(std::uint32_t number);

    kvm::GuestMemory* memory_;
    std::uint64_t block_;
    std::uint32_t index_;
    Ends ends_;
};

}  // namespace irqbench::vmm::guest
