#include "vmm/guest/agent.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace irqbench::vmm::guest {

namespace {

constexpr auto status_posted = static_cast<std::uint64_t>(STATUS_POSTED);
constexpr auto status_begun = static_cast<std::uint64_t>(STATUS_BEGUN);

struct Slot {
    std::uint32_t code;
    std::uint32_t size;
    std::uint64_t address;
    std::uint64_t value;
    std::uint64_t status;
    std::uint64_t error;
};
static_assert(offsetof(Slot, address) == OP_ADDRESS && offsetof(Slot, status) == OP_STATUS &&
              offsetof(Slot, error) == OP_ERROR && sizeof(Slot) <= (1U << MAIL_SLOT_SHIFT));
static_assert(offsetof(Record, tsc) == RECORD_TSC && offsetof(Record, rip) == RECORD_RIP &&
              sizeof(Record) == (1U << LOG_SLOT_SHIFT));

}  // namespace

Agent::Agent(kvm::GuestMemory& memory, std::uint32_t index)
    : memory_(&memory), block_(block_address(index)), index_(index) {}

void Agent::reset(std::uint32_t idle, std::uint8_t policy) {
    set_word(BLOCK_ROOM, std::uint32_t{LOG_SLOTS});
    set_word(BLOCK_IDLE, idle);
    set_word(BLOCK_INDEX, index_);
    const std::vector<std::byte> policies(POLICIES, std::byte{policy});
    memory_->write_bytes(block_ + BLOCK_POLICY, policies);
}

bool Agent::post(const GuestOp& op) {
    std::uint32_t number = ends_.mail_head;
    const std::uint32_t room = word(BLOCK_MAIL_TAIL) + MAIL_SLOTS;
    while (number != room && in_use(number)) ++number;
    if (number == room) return false;
    memory_->write(slot_address(number), Slot{op.code, op.size, op.address, op.value, status_posted, 0});
    ends_.posted.push_back({op, number});
    ends_.mail_head = number + 1;
    memory_->store_release<std::uint32_t>(block_ + BLOCK_MAIL_HEAD, ends_.mail_head);
    return true;
}

std::uint64_t Agent::slot_address(std::uint32_t number) const {
    return block_ + BLOCK_MAIL + (std::uint64_t{number % MAIL_SLOTS} << MAIL_SLOT_SHIFT);
}

/// Whether an operation that has not ended is in the slot of operation `number`.
bool Agent::in_use(std::uint32_t number) const {
    return std::any_of(ends_.posted.begin(), ends_.posted.end(), [&](const Posted& posted) {
        return posted.number % MAIL_SLOTS == number % MAIL_SLOTS;
    });
}

bool Agent::mailbox_empty() const { return word(BLOCK_MAIL_TAIL) == ends_.mail_head; }

std::vector<FinishedOp> Agent::take_finished() {
    std::vector<FinishedOp> finished;
    std::erase_if(ends_.posted, [&](Posted& posted) {
        const std::uint64_t at = slot_address(posted.number);
        const std::uint64_t status = memory_->load_acquire<std::uint64_t>(at + OP_STATUS);
        if (status == status_posted || status == status_begun) return false;
        FinishedOp done{std::move(posted.op), std::nullopt, status == STATUS_REFUSED};
        done.op.value = memory_->load_acquire<std::uint64_t>(at + OP_VALUE);
        if (status >= STATUS_FAULT && !done.refused) done.fault = static_cast<std::uint32_t>(status & 0xff);
        finished.push_back(std::move(done));
        return true;
    });
    return finished;
}

bool Agent::rested() const { return mailbox_empty() && word(BLOCK_RESTED) == word(BLOCK_HEAD); }

bool Agent::may_halt() const {
    return std::any_of(ends_.posted.begin(), ends_.posted.end(), [](const Posted& posted) {
        return posted.op.code == OP_HALT || posted.op.code == OP_STI_HALT;
    });
}

bool Agent::executing() const { return memory_->load_acquire<std::uint64_t>(block_ + BLOCK_OP_ACTIVE) != 0; }

void Agent::abandon_begun() {
    abandon_before(word(BLOCK_MAIL_TAIL));
    memory_->write(block_ + BLOCK_OP_ACTIVE, std::uint64_t{0});
}

void Agent::abandon_begun_before_start() { abandon_before(word(BLOCK_STARTED)); }

void Agent::abandon_before(std::uint32_t number) {
    // The difference counts, since the numbers wrap.
    std::erase_if(ends_.posted, [&](const Posted& posted) {
        return static_cast<std::int32_t>(posted.number - number) < 0;
    });
}

std::uint8_t Agent::policy(std::uint32_t vector) const {
    return memory_->read<std::uint8_t>(block_ + BLOCK_POLICY + vector % POLICIES);
}

void Agent::set_policy(std::uint32_t vector, std::uint8_t policy) {
    memory_->write(block_ + BLOCK_POLICY + vector % POLICIES, policy);
}

std::size_t Agent::take_records(std::vector<Record>& to) {
    const std::uint32_t written = word(BLOCK_HEAD) - ends_.log_tail;
    if (written > LOG_SLOTS)
        throw std::runtime_error(fmt::format("the log of vCPU {} has overflowed: records are lost", index_));
    std::uint32_t taken = 0;
    while (taken < written) {
        const std::uint64_t at =
            block_ + BLOCK_LOG + (std::uint64_t{ends_.log_tail % LOG_SLOTS} << LOG_SLOT_SHIFT);
        // The slot is counted before it is filled: an empty kind is a record still being written.
        if ((memory_->load_acquire<std::uint32_t>(at) & 0xffff) == 0) break;
        to.push_back(memory_->read<Record>(at));
        memory_->store_release<std::uint32_t>(at, 0);
        ++ends_.log_tail;
        ++taken;
    }
    if (taken != 0) memory_->fetch_add<std::uint32_t>(block_ + BLOCK_ROOM, taken);
    return taken;
}

std::uint32_t Agent::depth() const { return word(BLOCK_DEPTH); }
std::uint32_t Agent::in_service() const { return word(BLOCK_IN_SERVICE); }
std::uint32_t Agent::lowering() const { return word(BLOCK_LOWERING); }
std::uint64_t Agent::cr2() const { return memory_->load_acquire<std::uint64_t>(block_ + BLOCK_CR2); }

}  // namespace irqbench::vmm::guest
