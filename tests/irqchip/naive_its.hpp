#pragma once

#include <fmt/format.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/irqchip/its_fixture.hpp"

// An ITS and its redistributors written down a second time, without tables and caches: what is mapped is in
// maps. Only the LPI configurations are read from memory.
namespace irqbench::irqchip::arm64 {

struct NaiveLpis {
    bool enabled = true;
    std::set<std::uint32_t> pending;
    std::map<std::uint32_t, unsigned> configurations;
    /// The pending table while LPIs are disabled.
    std::set<std::uint32_t> table;
};

struct NaiveIts {
    struct Device {
        std::uint64_t itt;
        unsigned bits;
    };
    struct Mapping {
        std::uint32_t intid;
        unsigned collection;
    };

    const FlatMemory& memory;
    unsigned redistributor_count;
    std::map<std::uint32_t, Device> devices;
    /// By address: what is in memory outlives the device.
    std::map<std::uint64_t, std::map<std::uint32_t, Mapping>> itts;
    std::map<unsigned, unsigned> collections;
    std::vector<NaiveLpis> lpis;

    NaiveIts(const FlatMemory& guest, unsigned count)
        : memory(guest), redistributor_count(count), lpis(count) {}

    static bool lpi(std::uint32_t intid) { return intid >= 8192 && intid < 65536; }
    unsigned configuration_in_memory(std::uint32_t intid) const {
        return memory.bytes[place::configurations + intid - 8192];
    }

    void learn(unsigned n, std::uint32_t intid) {
        if (lpis[n].enabled) lpis[n].configurations.emplace(intid, configuration_in_memory(intid));
    }
    void pend(unsigned n, std::uint32_t intid) {
        if (!lpis[n].enabled) return;
        learn(n, intid);
        lpis[n].pending.insert(intid);
    }
    void move(std::uint32_t intid, unsigned from, unsigned to) {
        if (lpis[to].enabled && lpis[from].configurations.count(intid) != 0)
            lpis[to].configurations[intid] = lpis[from].configurations[intid];
        lpis[from].configurations.erase(intid);
        if (lpis[from].pending.erase(intid) != 0) pend(to, intid);
    }
    void set_enabled(unsigned n, bool enabled) {
        NaiveLpis& one = lpis[n];
        if (one.enabled == enabled) return;
        one.enabled = enabled;
        if (!enabled) {
            one.table.swap(one.pending);
            one.pending.clear();
            one.configurations.clear();
        } else {
            for (const std::uint32_t intid : one.table) pend(n, intid);
        }
    }
    std::string best(unsigned n) const {
        std::set<std::pair<unsigned, std::uint32_t>> candidates;
        for (const std::uint32_t intid : lpis[n].pending) {
            const unsigned configuration = lpis[n].configurations.at(intid);
            if (configuration % 2 == 1) candidates.insert({configuration & 0xFC, intid});
        }
        if (candidates.empty()) return "nothing";
        return fmt::format("{} at priority {:02x}", candidates.begin()->second, candidates.begin()->first);
    }

    /// The mapping of an event, or what is wrong with asking for one.
    std::optional<Mapping> find(std::uint32_t device, std::uint32_t event, std::string& error) const {
        if (device >= 8192)
            error = "DEVICE_OOR";
        else if (devices.count(device) == 0)
            error = "UNMAPPED_DEVICE";
        else if (event >= 1ULL << devices.at(device).bits)
            error = "ID_OOR";
        if (!error.empty()) return std::nullopt;
        const auto itt = itts.find(devices.at(device).itt);
        if (itt == itts.end() || itt->second.count(event) == 0) return std::nullopt;
        return itt->second.at(event);
    }

    std::string translate(std::uint32_t device, std::uint32_t event, std::string& error) {
        const auto mapping = find(device, event, error);
        if (!error.empty()) return {};
        if (!mapping)
            error = "UNMAPPED_INTERRUPT";
        else if (collections.count(mapping->collection) == 0)
            error = "ITE_INVALID";
        if (!error.empty()) return {};
        const unsigned n = collections[mapping->collection];
        pend(n, mapping->intid);
        return fmt::format("{} pending at {}", mapping->intid, n);
    }

    std::string map(const ItsCommand& command, std::uint32_t intid, std::string& error) {
        const auto mapping = find(command.device(), command.event(), error);
        if (error == "DEVICE_OOR") return {};
        if (command.collection() >= 8192)
            error = "COLLECTION_OOR";
        else if (error.empty() && !lpi(intid))
            error = "PHYSICALID_OOR";
        if (!error.empty() || mapping) return {};
        itts[devices[command.device()].itt][command.event()] = {intid, command.collection()};
        if (collections.count(command.collection()) == 0) return {};
        const unsigned n = collections[command.collection()];
        learn(n, intid);
        return fmt::format("{} mapped to {}", intid, n);
    }

    std::string movi(const ItsCommand& command, std::string& error) {
        const auto mapping = find(command.device(), command.event(), error);
        if (!error.empty()) return {};
        if (!mapping)
            error = "UNMAPPED_INTERRUPT";
        else if (command.collection() >= 8192)
            error = "COLLECTION_OOR";
        else if (collections.count(mapping->collection) == 0 || collections.count(command.collection()) == 0)
            error = "UNMAPPED_COLLECTION";
        if (!error.empty()) return {};
        itts[devices[command.device()].itt][command.event()].collection = command.collection();
        const unsigned from = collections[mapping->collection];
        const unsigned to = collections[command.collection()];
        if (from == to) return {};
        move(mapping->intid, from, to);
        return fmt::format("{} moved from {} to {}", mapping->intid, from, to);
    }

    /// DISCARD, CLEAR and INV.
    std::string on_event(const ItsCommand& command, std::string& error) {
        const auto mapping = find(command.device(), command.event(), error);
        if (!error.empty()) return {};
        if (!mapping)
            error = "UNMAPPED_INTERRUPT";
        else if (collections.count(mapping->collection) == 0)
            error = "ITE_INVALID";
        if (!error.empty()) return {};
        const unsigned n = collections[mapping->collection];
        const std::uint32_t intid = mapping->intid;
        if (command.opcode() == ItsOpcode::inv) {
            if (lpis[n].enabled) lpis[n].configurations[intid] = configuration_in_memory(intid);
            return fmt::format("{} invalidated at {}", intid, n);
        }
        if (command.opcode() == ItsOpcode::discard)
            itts[devices[command.device()].itt].erase(command.event());
        lpis[n].pending.erase(intid);
        return fmt::format("{} cleared at {}", intid, n);
    }

    /// @returns what happened, unless `error` says why nothing did
    std::string execute(const ItsCommand& command, std::string& error) {
        const std::uint32_t device = command.device();
        const unsigned collection = command.collection();
        switch (command.words[0] & 0xFF) {
            case 0x08:
                if (device >= 8192)
                    error = "DEVICE_OOR";
                else if (command.valid() && command.event_bits() > 16)
                    error = "ITTSIZE_OOR";
                else if (command.valid())
                    devices[device] = {command.itt(), command.event_bits()};
                else
                    devices.erase(device);
                return {};
            case 0x09:
                if (command.valid() && command.target() >= redistributor_count)
                    error = "PROCNUM_OOR";
                else if (collection >= 8192)
                    error = "COLLECTION_OOR";
                else if (command.valid())
                    collections[collection] = static_cast<unsigned>(command.target());
                else
                    collections.erase(collection);
                return {};
            case 0x0A: return map(command, command.intid(), error);
            case 0x0B: return map(command, command.event(), error);
            case 0x01: return movi(command, error);
            case 0x03: return translate(device, command.event(), error);
            case 0x04:
            case 0x0C:
            case 0x0F: return on_event(command, error);
            case 0x05: return {};
            case 0x0D: {
                if (collection >= 8192)
                    error = "COLLECTION_OOR";
                else if (collections.count(collection) == 0)
                    error = "UNMAPPED_COLLECTION";
                if (!error.empty()) return {};
                const unsigned n = collections[collection];
                for (auto& [intid, known] : lpis[n].configurations) known = configuration_in_memory(intid);
                return fmt::format("all invalidated at {}", n);
            }
            case 0x0E: {
                const std::uint64_t from = command.target();
                const std::uint64_t to = command.second_target();
                if (from >= redistributor_count || to >= redistributor_count) error = "PROCNUM_OOR";
                if (!error.empty() || from == to) return {};
                const std::set<std::uint32_t> all = lpis[from].pending;
                for (const std::uint32_t intid : all)
                    move(intid, static_cast<unsigned>(from), static_cast<unsigned>(to));
                return fmt::format("all moved from {} to {}", from, to);
            }
            default: error = "UNKNOWN_COMMAND"; return {};
        }
    }
};

}  // namespace irqbench::irqchip::arm64
