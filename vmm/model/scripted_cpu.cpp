#include "vmm/model/scripted_cpu.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace irqbench::vmm::model {

namespace {

/// event::Taken::vector of an NMI.
constexpr std::uint32_t nmi_vector = 2;

}  // namespace

ScriptedCpu::ScriptedCpu(const ScriptedCpu& other, Hardware& hardware)
    : index_(other.index_),
      hardware_(hardware),
      outside_(other.outside_),
      rules_(other.rules_),
      state_(other.state_),
      interrupts_enabled_(other.interrupts_enabled_),
      shadow_(other.shadow_),
      nmis_(other.nmis_),
      nmi_blocked_(other.nmi_blocked_),
      smi_pending_(other.smi_pending_),
      handlers_(other.handlers_),
      frames_(other.frames_),
      depth_(other.depth_),
      in_service_(other.in_service_),
      operations_(other.operations_),
      phase_(other.phase_) {
    // What points at one of the other's operations points at the copy of it.
    auto copy = operations_.begin();
    for (auto original = other.operations_.cbegin(); original != other.operations_.cend();
         ++original, ++copy) {
        if (std::list<Operation>::const_iterator(other.next_) == original) next_ = copy;
        if (other.active_ == &*original) active_ = &*copy;
        for (std::size_t i = 0; i < frames_.size(); ++i)
            if (other.frames_[i].active == &*original) frames_[i].active = &*copy;
    }
}

std::optional<ScriptedCpu::Outline> ScriptedCpu::outline() const {
    const bool at_rest = state_ == State::running || waits_to_start();
    if (!at_rest || !frames_.empty() || active_ != nullptr || !operations_.empty()) return std::nullopt;
    return Outline{state_,       interrupts_enabled_, nmis_,
                   nmi_blocked_, smi_pending_,        {handlers_.begin(), handlers_.end()}};
}

void ScriptedCpu::take_up(const Outline& outline) {
    state_ = outline.state;
    interrupts_enabled_ = outline.interrupts_enabled;
    nmis_ = outline.nmis;
    nmi_blocked_ = outline.nmi_blocked;
    smi_pending_ = outline.smi_pending;
    handlers_ = {outline.handlers.begin(), outline.handlers.end()};
}

void ScriptedCpu::post(const GuestOp& op) {
    operations_.push_back({op, Operation::Status::posted, std::nullopt, false});
    if (next_ == operations_.end()) next_ = std::prev(operations_.end());
}

const GuestOp* ScriptedCpu::unfinished() const {
    for (auto at = operations_.rbegin(); at != operations_.rend(); ++at)
        if (at->status != Operation::Status::done) return &at->op;
    return nullptr;
}

bool ScriptedCpu::at_barrier() const { return active_ != nullptr && phase_ == Phase::await_barrier; }

void ScriptedCpu::reset() {
    // Depth and vector in service are the agent's own words, which it clears when it starts anew.
    frames_.clear();
    active_ = nullptr;
    operations_.remove_if([](const Operation& each) { return each.status == Operation::Status::begun; });
    interrupts_enabled_ = shadow_ = nmi_blocked_ = smi_pending_ = false;
    nmis_ = 0;
    state_ = State::waiting;
}

void ScriptedCpu::switch_off() {
    reset();
    state_ = State::off;
}

void ScriptedCpu::nmi() {
    const unsigned most = nmi_blocked_ || waits_to_start() ? 1 : 2;
    nmis_ = std::min(nmis_ + 1, most);
}

void ScriptedCpu::manage() {
    if (waits_to_start()) {
        smi_pending_ = true;
        return;
    }
    if (state_ == State::halted) state_ = State::running;
    outside_.managed(index_);
}

void ScriptedCpu::start() {
    if (!waits_to_start()) return;
    state_ = State::starting;
    if (std::exchange(smi_pending_, false)) outside_.managed(index_);
}

void ScriptedCpu::begin_after_start() {
    state_ = State::running;
    depth_ = 0;
    in_service_ = {};
    hardware_.prepare_started(index_, outside_.bus());
    outside_.record(index_, event::Started{});
    enable_interrupts();
}

bool ScriptedCpu::can_execute() const {
    if (!frames_.empty() && frames_.back().stage != Stage::serve) return true;
    if (active_ == nullptr) return !mailbox_empty();
    return phase_ != Phase::await_barrier ||
           static_cast<std::int32_t>(outside_.arrived() - static_cast<std::uint32_t>(active_->op.value)) >= 0;
}

bool ScriptedCpu::can_step() const {
    switch (state_) {
        case State::starting: return true;
        case State::running: return takes_nmi() || can_execute() || takes_interrupt();
        case State::halted: return takes_nmi() || wakes();
        case State::off:
        case State::waiting:
        case State::faulted: break;
    }
    return false;
}

void ScriptedCpu::step() {
    if (state_ == State::starting) return begin_after_start();
    const bool inhibited = std::exchange(shadow_, false);
    if (takes_nmi()) {
        --nmis_;
        nmi_blocked_ = true;
        return enter({nmi_vector, 0}, event::Kind::nmi);
    }
    // With nothing left to execute the agent's own loop is what the shadow covers.
    if (takes_interrupt() && !(inhibited && can_execute())) return take_interrupt();
    if (state_ == State::halted) state_ = State::running;
    if (!frames_.empty() && frames_.back().stage != Stage::serve) return step_handler(frames_.back());
    serve();
}

void ScriptedCpu::take_interrupt() {
    const Acknowledged interrupt = hardware_.acknowledge(index_);
    // What the acknowledge cycle moves may come back as INIT, which nothing outlives.
    if (state_ == State::waiting || state_ == State::starting) return;
    switch (hardware_.entry_of(interrupt.vector)) {
        case Entry::nmi: return enter(interrupt, event::Kind::nmi);
        case Entry::interrupt: return enter(interrupt, event::Kind::interrupt);
        case Entry::spurious:
            state_ = State::running;
            return outside_.record(index_, event::Taken{interrupt.vector, event::Kind::interrupt, depth_, 0});
        case Entry::exception: break;
    }
    const auto handler = handlers_.find(interrupt.vector);
    if (handler != handlers_.end() && (handler->second.policy & POLICY_DECLARED) != 0)
        return enter(interrupt, event::Kind::interrupt);
    state_ = State::running;
    fault(interrupt.vector);
}

/// The agent takes an exception inside an operation for the operation's, and any other for the end.
void ScriptedCpu::fault(std::uint32_t vector) {
    if (active_ != nullptr) {
        active_->fault = vector;
        return finish_active();
    }
    state_ = State::faulted;
    outside_.record(index_, event::Fault{vector, 0, 0, 0});
}

void ScriptedCpu::enter(const Acknowledged& interrupt, event::Kind kind) {
    state_ = State::running;
    outside_.record(index_, event::Taken{interrupt.vector, kind, depth_, 0});
    const auto found = handlers_.find(interrupt.vector);
    // The EOI of an NMI would be that of the interrupt in service, if there is one.
    const Handler usual = kind == event::Kind::nmi ? Handler{0, std::nullopt} : Handler{};
    const Handler handler = found == handlers_.end() ? usual : found->second;
    const bool lowers = (handler.policy & POLICY_LOWER) != 0;
    frames_.push_back({interrupt, handler, lowers ? Stage::lower : first_stage(handler.policy),
                       interrupts_enabled_, in_service_, std::exchange(active_, nullptr), phase_});
    interrupts_enabled_ = false;
}

void ScriptedCpu::end_of_interrupt(const Acknowledged& interrupt, std::uint8_t policy) {
    if (const auto vector = hardware_.end_of_interrupt(index_, interrupt, policy, outside_.bus()))
        fault(*vector);
}

ScriptedCpu::Stage ScriptedCpu::first_stage(std::uint8_t policy) {
    if ((policy & POLICY_STAY) == 0) return Stage::end;
    return (policy & POLICY_EOI_FIRST) != 0 ? Stage::end_first : Stage::stay;
}

/// What leaves the CPU may come back as INIT, after which the frame is gone: it is changed before.
void ScriptedCpu::step_handler(Frame& frame) {
    const Handler handler = frame.handler;
    const Acknowledged interrupt = frame.interrupt;
    switch (frame.stage) {
        case Stage::lower:
            frame.stage = first_stage(handler.policy);
            if (handler.lowers) outside_.device_lowers(index_, *handler.lowers);
            return;
        case Stage::end_first:
            frame.stage = Stage::stay;
            frame.handler.policy &= static_cast<std::uint8_t>(~rules_.first_eois);
            return end_of_interrupt(interrupt, static_cast<std::uint8_t>(handler.policy & rules_.first_eois));
        case Stage::stay:
            frame.stage = Stage::serve;
            ++depth_;
            in_service_ = interrupt;
            if ((handler.policy & POLICY_NEST) != 0) enable_interrupts();
            return;
        case Stage::end: frame.stage = Stage::leave; return end_of_interrupt(interrupt, handler.policy);
        case Stage::leave:
            interrupts_enabled_ = frame.interrupts_enabled;
            // Every IRET ends the blocking, whatever it returns from.
            nmi_blocked_ = false;
            active_ = frame.active;
            phase_ = frame.phase;
            frames_.pop_back();
            return;
        case Stage::serve: return;
    }
}

void ScriptedCpu::serve() {
    if (active_ != nullptr)
        continue_active();
    else if (!mailbox_empty())
        begin_next();
}

void ScriptedCpu::enable_interrupts() {
    shadow_ = rules_.interrupt_shadow && !interrupts_enabled_;
    interrupts_enabled_ = true;
}

/// Where what is masked ends a halt, the agent halts first and enables interrupts when something is pending:
/// what is already keeps it from halting. Elsewhere it is taken before the halt, which then begins.
void ScriptedCpu::enable_interrupts_and_halt() {
    const bool halts_at_once = rules_.wakes_masked && !hardware_.interrupt_pending(index_);
    if (!rules_.wakes_masked) phase_ = Phase::halt;
    enable_interrupts();
    if (halts_at_once) state_ = State::halted;
}

void ScriptedCpu::finish_active() {
    active_->status = Operation::Status::done;
    active_ = nullptr;
}

void ScriptedCpu::continue_active() {
    switch (phase_) {
        case Phase::finish:
        case Phase::await_barrier: return finish_active();
        case Phase::shadowed: phase_ = Phase::finish; return;
        case Phase::halt:
            phase_ = Phase::finish;
            state_ = State::halted;
            return;
    }
}

void ScriptedCpu::begin_next() {
    active_ = &*next_++;
    active_->status = Operation::Status::begun;
    phase_ = Phase::finish;
    execute(*active_);
}

void ScriptedCpu::execute(Operation& operation) {
    switch (operation.op.code) {
        case OP_NOTHING: return;
        case OP_CLI: interrupts_enabled_ = false; return;
        case OP_STI: phase_ = Phase::shadowed; return enable_interrupts();
        case OP_HALT: state_ = State::halted; return;
        case OP_STI_HALT: return enable_interrupts_and_halt();
        case OP_RETURN: return leave_innermost();
        case OP_BARRIER:
            phase_ = Phase::await_barrier;
            ++outside_.arrived();
            return;
        case OP_EOI: {
            const Acknowledged ended = ended_by(operation.op);
            outside_.record(index_, event::GuestEoi{ended.vector});
            return end_of_interrupt(ended, POLICY_EOI);
        }
        default: break;
    }
    // INIT may be what it does to itself: then there is no such operation any more.
    GuestOp op = operation.op;
    if (op.code == OP_DEACTIVATE) op.value = ended_by(op).code;
    const auto access = hardware_.execute(index_, op, outside_.bus());
    if (active_ == nullptr) return;
    if (!access) {
        operation.refused = true;
        return finish_active();
    }
    if (access->fault) return fault(*access->fault);
    operation.op.value = access->value;
}

/// What an operation ends: what it names, or what is in service.
Acknowledged ScriptedCpu::ended_by(const GuestOp& op) const {
    if (op.address == 1) return {static_cast<std::uint32_t>(op.value), op.value};
    return in_service_;
}

void ScriptedCpu::leave_innermost() {
    if (depth_ == 0 || frames_.empty()) {
        active_->refused = true;
        return finish_active();
    }
    Frame& frame = frames_.back();
    finish_active();
    interrupts_enabled_ = false;
    --depth_;
    in_service_ = frame.outer_in_service;
    outside_.record(index_, event::Returned{frame.interrupt.vector});
    frame.stage = Stage::end;
}

}  // namespace irqbench::vmm::model
