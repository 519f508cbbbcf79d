#include "tools/bench/drive.hpp"

#include <linux/kvm.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>

namespace irqbench::tools::bench {

namespace {

/// As scenarios do that have several threads: the calls of the machine without a record of each.
class MachineDrive final : public Drive {
  public:
    MachineDrive(vmm::KvmMachine& machine, vmm::BareMachine& bare, vmm::Trace& trace, const Wiring& wiring)
        : machine_(machine), bare_(bare), trace_(trace), wiring_(wiring) {}

    void begin() override { machine_.concurrent(true); }
    void end() override {
        machine_.concurrent(false);
        collect();
    }
    void stimulate() override {
        const Stimulus& stimulus = wiring_.stimulus;
        switch (stimulus.kind) {
            case Stimulus::Kind::line:
                return require(machine_.set_line(stimulus.gsi, true, false), "KVM_IRQ_LINE");
            case Stimulus::Kind::msi: return require(machine_.msi(stimulus.message), "KVM_SIGNAL_MSI");
            case Stimulus::Kind::irqfd: return machine_.signal(irqfd_name, 1);
        }
    }
    void release() override {
        if (wiring_.stimulus.kind == Stimulus::Kind::line)
            require(machine_.set_line(wiring_.stimulus.gsi, false, false), "KVM_IRQ_LINE");
    }
    bool signalled() override { return (wiring_.doorbell ? bare_.rung() : bare_.resampled()) != 0; }
    void collect() override {
        const bool goes_on = machine_.settle();
        const auto events = std::exchange(trace_, vmm::Trace()).take();
        if (goes_on) return;
        std::string why = "the machine cannot go on";
        for (const vmm::Event& event : events)
            if (const auto* trouble = std::get_if<vmm::event::Trouble>(&event.what)) why = trouble->report;
        throw std::runtime_error(why.substr(0, why.find('\n')));
    }

  private:
    static void require(const vmm::Outcome& outcome, const char* call) { vmm::kvm::require(outcome, call); }

    vmm::KvmMachine& machine_;
    vmm::BareMachine& bare_;
    vmm::Trace& trace_;
    const Wiring& wiring_;
};

class IoctlDrive final : public Drive {
  public:
    IoctlDrive(vmm::BareMachine& bare, const Wiring& wiring, bool by_injection)
        : bare_(bare), wiring_(wiring), by_injection_(by_injection) {
        message_.address_lo = static_cast<std::uint32_t>(wiring.stimulus.message.address);
        message_.address_hi = static_cast<std::uint32_t>(wiring.stimulus.message.address >> 32);
        message_.data = wiring.stimulus.message.data;
        if (wiring.stimulus.message.device_id) {
            message_.flags = KVM_MSI_VALID_DEVID;
            message_.devid = *wiring.stimulus.message.device_id;
        }
    }

    void begin() override {
        bare_.start();
        vmm::kvm::Vm& vm = bare_.vm();
        if (wiring_.stimulus.kind == Stimulus::Kind::irqfd && !by_injection_)
            irqfd_.emplace(vm, trigger_, wiring_.stimulus.gsi,
                           wiring_.stimulus.resample ? &signalled_ : nullptr);
    }
    void end() override {
        irqfd_.reset();
        bare_.stop();
    }
    void stimulate() override {
        if (by_injection_) return bare_.interrupt(0, wiring_.vector);
        switch (wiring_.stimulus.kind) {
            case Stimulus::Kind::line: return bare_.vm().irq_line(wiring_.stimulus.kernel_line, true);
            case Stimulus::Kind::msi: bare_.vm().signal_msi(message_); return;
            case Stimulus::Kind::irqfd: return trigger_.signal();
        }
    }
    void release() override {
        if (wiring_.stimulus.kind == Stimulus::Kind::line && !by_injection_)
            bare_.vm().irq_line(wiring_.stimulus.kernel_line, false);
    }
    // A doorbell's is the machine's own: KVM takes a place and a value once.
    bool signalled() override { return wiring_.doorbell ? bare_.rung() != 0 : signalled_.drain() != 0; }
    void collect() override { bare_.collect(); }
    // In the other drive a full log is an exit, at which it is emptied.
    void make_room() override { bare_.collect(); }

  private:
    vmm::BareMachine& bare_;
    const Wiring& wiring_;
    bool by_injection_;
    kvm_msi message_{};
    vmm::kvm::EventFd trigger_;
    vmm::kvm::EventFd signalled_;
    std::optional<vmm::kvm::Irqfd> irqfd_;
};

}  // namespace

std::unique_ptr<Drive> drive_by_machine(vmm::KvmMachine& machine, vmm::BareMachine& bare, vmm::Trace& trace,
                                        const Wiring& wiring) {
    return std::make_unique<MachineDrive>(machine, bare, trace, wiring);
}

std::unique_ptr<Drive> drive_by_ioctls(vmm::BareMachine& bare, const Wiring& wiring, bool by_injection) {
    return std::make_unique<IoctlDrive>(bare, wiring, by_injection);
}

}  // namespace irqbench::tools::bench
