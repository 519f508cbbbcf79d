#pragma once

// Models: a GICv3 ITS: its registers, the command queue with every command, device and collection table and
//   interrupt translation tables in guest memory, a translation cache, stalls, errors; saving and restoring
//   tables in KVM's format.
// Leaves out: GICv4 (VMAPP and its like are unknown commands), SEIs, targets by address (GITS_TYPER.PTA),
//   GITS_STATUSR, DeviceIDs and EventIDs of more than 16 bits, collections held in hardware, a two-level
//   collection table, the moment between a command and its SYNC (every command is complete when it is
//   read). A CPU's write to GITS_TRANSLATER has no DeviceID and is ignored.
// Differs from KVM: tables are in memory all the time, KVM keeps lists and writes tables when they are
//   saved, so memory that is not zero at MAPD holds mappings here and a guest can break its own tables. Which
//   devices are mapped is known beside them, so that none is after a reset, whatever memory holds;
//   MAPC moves no interrupt that is pending, MOVALL moves those that are and no other, also later ones go
//   where their collection is (KVM re-targets LPIs in both); DISCARD makes an LPI not pending; CLEAR and INV
//   ask for a mapped collection; MAPC with V clear ignores the target; MAPTI does not look at
//   GICR_PROPBASER; GITS_CTLR.Quiescent is set whenever the ITS is disabled. As in KVM by default, a command
//   with an error or one that cannot be read is passed over, MAPTI of a mapped event and a CWRITER beyond
//   the queue change nothing, an ITS without valid CBASER, BASER0 and BASER1 cannot be enabled, and those
//   are read-only while it is.
// Source: Arm IHI 0069, chapter 5 (5.2 tables, 5.3 commands, 5.5 their errors) and the registers GITS_*;
//   Linux Documentation/virt/kvm/devices/arm-vgic-its.rst.

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <variant>
#include <vector>

#include "irqchip/arm64/its_command.hpp"
#include "irqchip/arm64/its_registers.hpp"
#include "irqchip/arm64/its_tables.hpp"
#include "irqchip/arm64/lpi_effect.hpp"
#include "irqchip/arm64/lpi_memory.hpp"
#include "irqchip/arm64/translation_cache.hpp"

namespace irqbench::irqchip::arm64 {

/// What a command with an error does; the architecture allows both (IHI 0069, 5.3).
enum class ItsErrorPolicy : std::uint8_t {
    pass_over,  ///< nothing, as in KVM
    stall,      ///< the queue stops at it until GITS_CWRITER.Retry is written
};

struct ItsOptions {
    /// At least one.
    std::uint32_t redistributors = 1;
    /// GICD_TYPER.IDbits plus one: 14 to 24.
    unsigned lpi_id_bits = default_lpi_id_bits;
    ItsErrorPolicy on_error = ItsErrorPolicy::pass_over;
    /// GITS_BASER.Page_Size can be written; in KVM it is fixed.
    bool all_page_sizes = false;
    /// What RDbase and the collection table call each redistributor, each once: GICR_TYPER.Processor_Number.
    /// Without any a redistributor's number is its index.
    std::vector<std::uint16_t> processor_numbers{};

    friend bool operator==(const ItsOptions&, const ItsOptions&) = default;
};

/// Why tables cannot be saved or restored.
enum class TableFault : std::uint8_t {
    unreachable,   ///< a table outside memory
    inconsistent,  ///< an entry that KVM would refuse, or that has no room in its table
    too_large,     ///< more than Its::max_saved_entries to look at
};

class Its {
  public:
    static constexpr std::uint32_t max_saved_entries = 1U << 22;

    explicit Its(ItsOptions options = {});

    const ItsOptions& options() const { return options_; }

    /// Guest access at `offset` bytes from the base of the ITS: 4 bytes, also to halves of a 64-bit
    /// register, or 8; aligned. Anything else reads zero and ignores writes. A write that makes commands
    /// available executes them: as many as the queue has room for, at most.
    std::uint64_t read(std::uint32_t offset, unsigned size) const;
    LpiEffects write(std::uint32_t offset, unsigned size, std::uint64_t value, TableMemory& memory);

    /// A device writes `event` to GITS_TRANSLATER. A disabled ITS drops it without a word.
    LpiEffects signal(std::uint32_t device, std::uint32_t event, const TableMemory& memory);

    /// For inspection: the registers by name, without BASER2 to BASER7, of which there are none.
    std::vector<NamedValue> fields() const;

    bool enabled() const { return ctlr_.get(ctlr_.enabled); }
    bool stalled() const { return creadr_.get(creadr_.stalled); }

    /// KVM_DEV_ARM_ITS_SAVE_TABLES: completes the tables in memory, so that KVM or restore() can read them.
    /// The ITS can go on with them.
    std::optional<TableFault> save(TableMemory& memory) const;
    /// KVM_DEV_ARM_ITS_RESTORE_TABLES, after the registers: takes over tables that save() or KVM wrote, and
    /// clears what a saved table leaves undefined.
    std::optional<TableFault> restore(TableMemory& memory);
    /// The events that lead somewhere, of as many as a save may look at.
    std::vector<Translation> mapped(const TableMemory& memory) const;
    /// Userspace's write to GITS_CREADR. @returns false if it is beyond the queue
    bool restore_creadr(std::uint64_t value);
    /// KVM_DEV_ARM_ITS_CTRL_RESET: disabled, without a queue or tables, and with nothing mapped or cached.
    /// What lies in memory stays there and means nothing when it is given to the ITS again, but for the
    /// events in the table of a device that is mapped again. LPIs that are pending stay so: they are the
    /// redistributors'.
    void reset();

    friend bool operator==(const Its&, const Its&) = default;

  private:
    /// An event of a device whose entry could be found; it need not be valid.
    struct Event {
        std::uint64_t address;
        InterruptEntry entry;
    };

    std::uint64_t value(const GicAccess& access) const;
    void write_ctlr(std::uint64_t value, std::uint64_t mask);
    void write_cbaser(std::uint64_t value, std::uint64_t mask);
    void write_cwriter(std::uint64_t value, std::uint64_t mask);
    void write_baser(const RegisterInfo& row, std::uint64_t value, std::uint64_t mask);

    std::uint32_t queue_size() const;
    LpiEffects execute_queue(TableMemory& memory);

    using Outcome = std::optional<ItsFault>;
    Outcome execute(const ItsCommand& command, TableMemory& memory, LpiEffects& effects);
    Outcome mapd(const ItsCommand& command, TableMemory& memory);
    Outcome mapc(const ItsCommand& command, TableMemory& memory);
    Outcome mapti(const ItsCommand& command, std::uint32_t intid, TableMemory& memory, LpiEffects& effects);
    Outcome movi(const ItsCommand& command, TableMemory& memory, LpiEffects& effects);
    Outcome movall(const ItsCommand& command, LpiEffects& effects) const;
    Outcome invall(const ItsCommand& command, const TableMemory& memory, LpiEffects& effects) const;
    Outcome on_mapped_event(const ItsCommand& command, TableMemory& memory, LpiEffects& effects);

    std::variant<DeviceEntry, ItsFault> find_device(std::uint32_t device, const TableMemory& memory) const;
    std::variant<Event, ItsFault> find_event(std::uint32_t device, std::uint32_t event,
                                             const TableMemory& memory) const;
    /// As find_event(), of an event that is mapped.
    std::variant<Event, ItsFault> find_mapped(std::uint32_t device, std::uint32_t event,
                                              const TableMemory& memory) const;
    std::variant<Translation, ItsFault> translation_of(const InterruptEntry& entry) const;
    std::variant<Translation, ItsFault> translate(std::uint32_t device, std::uint32_t event,
                                                  const TableMemory& memory);
    /// By index, of the one that software calls by this processor number, if there is one.
    std::optional<std::uint32_t> redistributor_called(std::uint64_t number) const;
    /// Where a collection is mapped to, by index.
    std::optional<std::uint32_t> target_of(std::uint16_t collection) const;
    bool has_collection(std::uint16_t collection, const TableMemory& memory) const;
    bool is_lpi(std::uint32_t intid) const;

    std::optional<TableFault> restore_collections(TableMemory& memory,
                                                  std::map<std::uint16_t, std::uint32_t>& saved);

    TableLocation devices() const { return TableLocation(baser_[0]); }
    TableLocation collection_table() const { return TableLocation(baser_[1]); }

    ItsOptions options_;
    GitsCtlr ctlr_;
    GitsCbaser cbaser_;
    GitsCwriter cwriter_;
    GitsCreadr creadr_;
    std::array<GitsBaser, 2> baser_;
    CollectionTable collections_;
    /// By DeviceID: those that MAPD or a restore has mapped, as far as their entries in memory are valid
    /// still.
    std::set<std::uint32_t> mapped_;
    TranslationCache cache_;
};

}  // namespace irqbench::irqchip::arm64
