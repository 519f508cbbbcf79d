#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace irqbench::scenarios {

/// A place in the guest that a step accesses or watches.
struct Place {
    bool is_port = false;  ///< else guest physical memory
    std::uint64_t address = 0;
    bool changes = false;  ///< not only read
};

/// A place that a step takes for one thing, so that no other step may take it for another.
struct Tenant {
    std::uint64_t place = 0;
    std::uint64_t id = 0;  ///< of what it is taken for
    std::string kind;      ///< `devices`
    std::string why_not;   ///< what two of them would do, and what to do about it
};

/// What is in a machine whose state was saved by another run.
struct Brought {
    std::vector<std::string> irqfds;      ///< assigned
    std::vector<std::string> resampling;  ///< those of them, and of the former ones, with a resamplefd
    std::vector<std::string> former;      ///< irqfds that were deassigned
    std::vector<std::string> ioeventfds;  ///< assigned
    std::vector<std::uint32_t> stays_on;  ///< vCPUs with a handler that stays
    std::vector<std::pair<std::uint32_t, std::uint32_t>>
        handled;  ///< interrupts with a handler, and on which vCPU
};

/// What the validity checks need to know of a step, so that they need not know its verb.
struct Facts {
    std::vector<std::uint32_t> vcpus;  ///< vCPUs it names, by index

    std::string opens_irqfd;              ///< and the call is expected to succeed
    bool resamples = false;               ///< with `opens_irqfd`
    std::optional<std::uint32_t> raises;  ///< with `opens_irqfd`: its GSI
    std::string opens_ioeventfd;
    std::string closes;               ///< an irqfd or ioeventfd
    std::vector<std::string> irqfds;  ///< names that must be open irqfds
    std::string eventfd;              ///< name that must be an irqfd, open or not: its eventfd stays
    std::string former_irqfd;         ///< name that must be an irqfd that was deassigned
    std::string resampler;            ///< name that must be an irqfd with a resamplefd
    std::string ioeventfd;            ///< name that must be an open ioeventfd

    bool causes = false;    ///< can make the guest take an interrupt, now or later
    bool asserts = false;   ///< can fail although the machine did what it was told: it makes a claim
    bool claims = false;    ///< claims interrupts taken: the positive control of `quiet`
    bool is_quiet = false;  ///< claims that there are none
    bool started = false;   ///< claims that `vcpus` were started

    std::optional<std::uint32_t> runs_on;  ///< the vCPU whose agent executes it
    bool stays = false;                    ///< declares a handler that stays, on `runs_on`, or on all
    std::optional<std::uint32_t> returns;  ///< leaves a handler that stays on this vCPU
    bool stops = false;                    ///< `runs_on` executes nothing afterwards unless it is woken
    bool wakes = false;                    ///< may wake any vCPU without a maskable interrupt
    bool wakes_later = false;              ///< leaves behind what may do so: a line or route of an NMI
    bool starts_any = false;               ///< may start any vCPU that does not run from the beginning,
                                           ///< now or later
    std::optional<std::uint32_t> starts;   ///< may start this one

    std::optional<std::uint32_t> handles;  ///< says what this vector's handler does, on `vcpus` or on all
    std::optional<std::uint32_t> needs_handler;  ///< what ends the run on `vcpus` without one
    std::string without_handler;                 ///< why it does, and what to do
    std::optional<Place> place;

    std::optional<Tenant> tenant;
    std::uint64_t memory = 0;            ///< bytes that the scenario's own memory must have
    std::uint64_t memory_of_a_vcpu = 0;  ///< and so many more for each vCPU

    /// What a state from outside has, of which no step of this file tells.
    std::optional<Brought> brings;
    std::string moves_to;       ///< the irqchip mode in which it goes on
    std::string saves;          ///< the name of a state
    std::string saves_file;     ///< the name of a file with one
    std::string restores_file;  ///< the same: what such a step saved, else what `brings` tells
    std::string restores;       ///< the same; what is true afterwards is what was true then

    bool closes_machine = false;  ///< nothing but a restore can follow

    bool threadable =
        false;  ///< has a place in `parallel`: a call that several host threads may make at once
    /// has no place in `parallel`: what `runs_on` is to do has no end of its own, or depends on where a
    /// controller is by then
    bool apart = false;
    /// with `runs_on`: what two vCPUs would spoil for each other, in words after `use`
    std::string shared_register;
    bool routes = false;                  ///< changes the routing table, which one thread may do
    std::optional<std::uint32_t> routed;  ///< with `routes`: that of this GSI; without, of any
    std::vector<std::string> modes;       ///< the only irqchip modes it makes sense in; empty: all
    bool traces = false;                  ///< asks for the kernel's own events
    bool needs_kvm = false;               ///< is about an interface of KVM: left out where a mode has none
};

}  // namespace irqbench::scenarios
