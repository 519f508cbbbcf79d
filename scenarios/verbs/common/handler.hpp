#pragma once

#include "scenarios/verbs/common/guest.hpp"
#include "vmm/guest/agent_abi.h"

/// `handler`: what the guest does with an interrupt it takes.
namespace irqbench::scenarios::verbs {

/// What a word of `eoi` means.
struct EoiMeaning {
    unsigned policy = 0;        ///< POLICY_* of agent_abi.h
    std::string_view ending{};  ///< of the sentence that explains the handler
};

/// The words in which an architecture speaks of its handlers: for the schema, then for explanations.
struct HandlerWords {
    std::string_view id_doc;
    std::string_view eoi_doc;
    std::string_view stays_doc;
    std::string_view nests_doc;
    std::string_view eoi_first;
    std::string_view stays;
    std::string_view nests;
};

/// One handler, as the machine is told of it.
struct Handler {
    std::uint32_t id = 0;
    std::optional<std::uint32_t> vcpu;    ///< none: on every vCPU
    std::optional<std::uint32_t> lowers;  ///< the GSI its device drops
    bool stays = false;
    unsigned policy = 0;  ///< POLICY_* of agent_abi.h
    std::string name;     ///< `vector 0x51`
    std::string manner;   ///< what it does, after its name and its device
};

/// The arguments of an architecture's `Dialect`, which has
///     Id                       Vector or Intid
///     Eoi                      the words of `eoi`, among them automatic, first and on_request
///     words                    HandlerWords
///     lowered                  Limits of the GSIs that a device may drop
///     meaning(Eoi)             EoiMeaning
///     name(id)                 `vector 0x51`
///     unfit_for(config, Handler)  see Verb::unfit_for
///     own_fields()             of what only its handlers do, and
///     add_own(Handler&) const  what that adds to the policy and the manner
template <class Dialect>
struct HandlerArguments : Dialect {
    using Eoi = typename Dialect::Eoi;
    std::uint32_t id = 0;
    std::optional<std::uint32_t> vcpu;
    std::optional<Eoi> eoi;
    bool stays = false;
    bool nests = false;
    std::optional<std::uint32_t> lowers;

    static constexpr auto fields() {
        using Self = HandlerArguments;
        constexpr HandlerWords words = Dialect::words;
        return std::tuple_cat(
            std::tuple{required(Dialect::Id::key, &Self::id, words.id_doc, Dialect::Id::range),
                       optional("vcpu", &Self::vcpu, "on this vCPU; on all by default", vcpu_range),
                       optional("eoi", &Self::eoi, words.eoi_doc)},
            Dialect::own_fields(),
            std::tuple{optional("stays", &Self::stays, words.stays_doc),
                       optional("nests", &Self::nests, words.nests_doc),
                       optional("lowers", &Self::lowers, "drops this GSI by a device access first",
                                Dialect::lowered)});
    }

    static void check(const HandlerArguments& arguments, const Cursor& at) {
        if (arguments.nests && !arguments.stays)
            at.fail("'nests' needs 'stays': true, since only a handler that stays has time for another");
        if (arguments.eoi == Eoi::first && !arguments.stays)
            at.fail(
                "\"first\" needs 'stays': true; a handler that does not stay EOIs at its end, which is "
                "\"auto\"");
    }

    [[nodiscard]] Handler handler() const {
        const Eoi when = eoi.value_or(stays ? Eoi::on_request : Eoi::automatic);
        const EoiMeaning meaning = Dialect::meaning(when);
        Handler handler{id, vcpu, lowers, stays, meaning.policy, Dialect::name(id), {}};
        if (stays) handler.policy |= POLICY_STAY;
        if (nests) handler.policy |= POLICY_NEST;
        if (lowers) handler.policy |= POLICY_LOWER;
        if (when == Eoi::first) handler.manner += Dialect::words.eoi_first;
        handler.manner += stays ? Dialect::words.stays : " returns at once";
        if (nests) handler.manner += Dialect::words.nests;
        Dialect::add_own(handler);
        handler.manner += meaning.ending;
        return handler;
    }
};

class Handling : public Verb {
  public:
    [[nodiscard]] std::string explain() const override;
    void perform(Stage& stage) const override;
    [[nodiscard]] Facts facts() const override;

  protected:
    explicit Handling(Handler handler) : handler_(std::move(handler)) {}

    Handler handler_;
};

template <class Dialect>
class HandlerVerb final : public Handling {
  public:
    using Arguments = HandlerArguments<Dialect>;
    explicit HandlerVerb(const Arguments& arguments) : Handling(arguments.handler()) {}
    [[nodiscard]] std::string unfit_for(const vmm::MachineConfig& config) const override {
        return Dialect::unfit_for(config, handler_);
    }
};

}  // namespace irqbench::scenarios::verbs
