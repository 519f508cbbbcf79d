#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace irqbench::scenarios {

/// A place in the guest that a step accesses or watches.
struct Place {
    bool is_port = false;  ///< else guest physical memory
    std::uint64_t address = 0;
    bool changes = false;  ///< not only read
};

/// What the validity checks need to know of a step, so that they need not know its verb.
struct Facts {
    std::vector<std::uint32_t> vcpus;  ///< vCPUs it names, by index

    std::string opens_irqfd;  ///< and the call is expected to succeed
    bool resamples = false;   ///< with `opens_irqfd`
    std::string opens_ioeventfd;
    std::string closes;               ///< an irqfd or ioeventfd
    std::vector<std::string> irqfds;  ///< names that must be open irqfds
    std::string resampler;            ///< name that must be an irqfd with a resamplefd
    std::string ioeventfd;            ///< name that must be an open ioeventfd

    bool causes = false;    ///< can make the guest take an interrupt, now or later
    bool asserts = false;   ///< can fail although the machine did what it was told: it makes a claim
    bool claims = false;    ///< claims interrupts taken: the positive control of `quiet`
    bool is_quiet = false;  ///< claims that there are none
    bool started = false;   ///< claims that a vCPU came out of a SIPI

    std::optional<std::uint32_t> runs_on;  ///< the vCPU whose agent executes it
    bool stays = false;                    ///< declares a handler that stays, on `runs_on`, or on all
    std::optional<std::uint32_t> returns;  ///< leaves a handler that stays on this vCPU
    bool stops = false;                    ///< `runs_on` executes nothing afterwards unless it is woken
    bool wakes = false;                    ///< may start or wake any vCPU without a maskable interrupt

    std::optional<std::uint32_t> handles;  ///< says what this vector's handler does, on `vcpus` or on all
    std::optional<std::uint32_t> needs_handler;  ///< a vector that ends the run on `vcpus` without one
    std::optional<Place> place;

    bool needs_its = false;              ///< the machine must have an ITS
    std::uint64_t memory = 0;            ///< bytes that the scenario's own memory must have
    std::uint64_t memory_of_a_vcpu = 0;  ///< and so many more for each vCPU

    std::string saves;     ///< the name of a state
    std::string restores;  ///< the same; what is true afterwards is what was true then

    bool threadable =
        false;            ///< has a place in `parallel`: a call that several host threads may make at once
    bool routes = false;  ///< changes the routing table, which one thread may do
    std::uint32_t destination = 0;   ///< the widest interrupt destination it names
    std::vector<std::string> modes;  ///< the only irqchip modes it makes sense in; empty: all
    bool traces = false;             ///< asks for the kernel's own events
    bool needs_kvm = false;          ///< is about an interface of KVM: left out where a mode has none
};

}  // namespace irqbench::scenarios
