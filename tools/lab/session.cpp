#include "tools/lab/session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <stdexcept>

#include "tools/lab/diagnosis.hpp"
#include "tools/lab/payload.hpp"

namespace irqbench::tools::lab {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds listening_period{100};
/// How long a program that was interrupted may take to say what it has.
constexpr std::chrono::seconds grace{10};

/// The tasks of a run, as its records tell.
class Tasks {
  public:
    void begin_boot() {
        under_way_.clear();
        before_ = results_.size();
    }

    void take(const record::Begin& begin) { total_ = std::max<std::size_t>(total_, begin.tasks); }
    void take(const record::Started& started) { under_way_.emplace(started.index, started); }
    void take(const record::Finished& finished) {
        under_way_.erase(finished.index);
        results_.insert_or_assign(finished.index, finished);
    }

    /// The only one that can have been at work when the machine hung; nothing if there are several.
    [[nodiscard]] std::optional<record::Started> culprit() const {
        if (under_way_.size() != 1) return std::nullopt;
        return under_way_.begin()->second;
    }
    [[nodiscard]] std::size_t suspects() const { return under_way_.size(); }
    /// `split x86/pic/rotation.json`, or how many.
    [[nodiscard]] std::string running() const {
        if (under_way_.empty()) return "";
        if (under_way_.size() > 1) return fmt::format("one of {} scenarios", under_way_.size());
        return fmt::format("{} {}", under_way_.begin()->second.irqchip, under_way_.begin()->second.file);
    }
    [[nodiscard]] bool moved_on() const { return results_.size() > before_; }

    /// The records of what is done, for a run that goes on with the rest.
    [[nodiscard]] std::string lines() const {
        std::string text;
        for (const auto& [index, finished] : results_)
            if (finished.complete) text += record_line(finished);
        return text;
    }
    [[nodiscard]] std::vector<Result> results() const {
        std::vector<Result> list;
        for (const auto& [index, finished] : results_) list.push_back(finished.result);
        return list;
    }

  private:
    std::size_t total_ = 0;
    std::size_t before_ = 0;  ///< results that earlier boots gave
    std::map<std::uint64_t, record::Started> under_way_;
    std::map<std::uint64_t, record::Finished> results_;
};

/// `WARNING: CPU: 0 PID: 80 at arch/x86/kvm/x86.c:...` in a record of /dev/kmsg; nothing for lesser news.
std::optional<std::string> alarm_in(const std::string& log_record) {
    const std::size_t begin = log_record.find(';');
    if (begin == std::string::npos) return std::nullopt;
    const std::string text = log_record.substr(begin + 1, log_record.find('\n', begin) - begin - 1);
    for (const char* mark :
         {"WARNING: ", "BUG: ", "Oops", "general protection fault", "INFO: task", "rcu: INFO"})
        if (text.find(mark) != std::string::npos) return text;
    return std::nullopt;
}

/// Behind `--` there would be paths only.
void add_options(Job& job, const std::vector<std::string>& options) {
    const auto end = std::find(job.arguments.begin(), job.arguments.end(), "--");
    job.arguments.insert(end, options.begin(), options.end());
}

class Session {
  public:
    Session(const Qemu& qemu, const Kernel& kernel, const MachineSetup& setup, const Program& program,
            const Job& job, const Patience& patience, const Listener& listener,
            const std::atomic<bool>& interrupted)
        : qemu_(qemu),
          kernel_(kernel),
          setup_(setup),
          program_(program),
          job_(job),
          patience_(patience),
          listener_(listener),
          interrupted_(interrupted) {}

    Visit run() {
        unsigned hangs = 0;
        bool one_by_one = false;
        for (;;) {
            const BootEnd end = boot(one_by_one);
            const auto trouble = diagnose(end);
            if (!trouble && job_.records && !ended_ && end.exit->status == 0)
                visit_.trouble = "it ended without a last record: what ran inside is no irqbench";
            if (!trouble || interrupted_.load()) break;
            if (was_lost(end) && ++lost_in_a_row_ < patience_.boots) {
                listener_.note(fmt::format("{}: {}; trying again", kernel_.name, *trouble));
                continue;
            }
            if (!goes_on_after(end)) {
                visit_.trouble = *trouble;
                break;
            }
            listener_.note(fmt::format("Linux {}: {}; booting again for the rest", visit_.release, *trouble));
            if (const auto culprit = tasks_.culprit())
                mark(*culprit, *trouble, end);
            else if (!one_by_one)
                one_by_one = true;
            if (++hangs > patience_.hangs) {
                visit_.trouble = fmt::format("given up after {} hangs: {}", hangs, *trouble);
                break;
            }
        }
        visit_.results = tasks_.results();
        visit_.interrupted = interrupted_.load();
        return std::move(visit_);
    }

  private:
    /// An emulated machine whose threads get no CPU time for long may never come up: on a busy host one boot
    /// in some hundred, before process 1. Nothing was tested then.
    [[nodiscard]] static bool was_lost(const BootEnd& end) {
        return end.why == BootEnd::Why::slow && !end.up;
    }

    /// Another boot helps if it was a scenario that ended this one.
    [[nodiscard]] bool goes_on_after(const BootEnd& end) const {
        return job_.records && end.kvm && end.kvm->error.empty() && tasks_.suspects() > 0;
    }

    void mark(const record::Started& task, const std::string& trouble, const BootEnd& end) {
        record::Finished finished;
        finished.index = task.index;
        finished.result.scenario = task.file;
        finished.result.file = task.file;
        finished.result.irqchip = task.irqchip;
        finished.result.kernel = visit_.release;
        finished.result.verdict.kind = scenarios::Verdict::Kind::error;
        finished.result.verdict.reason = trouble;
        constexpr std::size_t most_lines = 40;
        if (const auto lines = last_lines(end.console, most_lines, "  console: "); !lines.empty())
            listener_.note("the end of its console:\n" + lines);
        tasks_.take(finished);
        listener_.record(finished);
    }

    BootEnd boot(bool one_by_one) {
        ++visit_.boots;
        tasks_.begin_boot();
        out_ = Lines();
        ended_ = false;
        Job job = job_;
        if (one_by_one) add_options(job, {"--jobs", "1"});
        Initramfs initramfs;
        end_ = BootEnd();
        end_.has_modules = add_kernel_modules(initramfs, kernel_);
        add_program(initramfs, program_);
        if (job.records && !tasks_.results().empty()) {
            initramfs.add_bytes("/lab/done.jsonl", tasks_.lines());
            add_options(job, {"--resume", "/lab/done.jsonl"});
        }
        add_job(initramfs, kernel_.arch, job, library_path(program_));
        Machine machine(qemu_, kernel_, setup_, initramfs.finish());
        attend(machine);
        if (end_.why != BootEnd::Why::gone) machine.kill();
        end_.qemu_status = machine.status();
        end_.complaints = machine.complaints();
        end_.console = machine.console();
        end_.running = tasks_.running();
        visit_.console = end_.console;
        return std::move(end_);
    }

    /// Listens until the boot ends, in whatever way.
    void attend(Machine& machine) {
        heard_ = Clock::now();
        std::optional<Clock::time_point> told;
        while (machine.listen(listening_period, [this](const Said& said) {
            // A kernel that is stuck may complain of it for ever.
            const auto* output = std::get_if<said::Output>(&said);
            if (output == nullptr || output->stream != said::Stream::log) heard_ = Clock::now();
            std::visit([this](const auto& each) { hear(each); }, said);
        })) {
            if (off_) {
                end_.why = BootEnd::Why::off;
                off_ = false;
                return;
            }
            const auto now = Clock::now();
            if (interrupted_.load() && !told) {
                machine.interrupt();
                told = now;
            }
            const bool runs = end_.kvm.has_value();
            end_.waited = runs ? patience_.silence : patience_.boot;
            if (told && (!runs || now - *told > grace)) {
                end_.why = BootEnd::Why::interrupted;
                return;
            }
            if (now - heard_ > end_.waited) {
                end_.why = runs ? BootEnd::Why::silent : BootEnd::Why::slow;
                return;
            }
        }
        end_.why = off_ ? BootEnd::Why::off : BootEnd::Why::gone;
        off_ = false;
    }

    void hear(const said::Up& up) {
        end_.up = up;
        lost_in_a_row_ = 0;
        visit_.release = up.release;
    }
    void hear(const said::ModuleError& error) { end_.modules.push_back(error); }
    void hear(const said::Kvm& kvm) { end_.kvm = kvm; }
    void hear(const said::Exit& exit) {
        end_.exit = exit;
        visit_.status = exit.status;
    }
    void hear(const said::Off&) { off_ = true; }
    void hear(const said::Output& output) {
        if (output.stream == said::Stream::log) {
            if (const auto alarm = alarm_in(output.text))
                listener_.note(fmt::format("Linux {} logged{}: {}", visit_.release,
                                           tasks_.running().empty() ? "" : " during " + tasks_.running(),
                                           *alarm));
            return;
        }
        if (output.stream != said::Stream::out || !job_.records) {
            listener_.output(output.stream, output.text);
            return;
        }
        out_.add(output.text, [this](std::string_view line) { take(line); });
    }

    void take(std::string_view line) {
        try {
            const Record record = parse_record(line);
            listener_.record(record);
            std::visit([this](const auto& each) { take(each); }, record);
        } catch (const std::invalid_argument& error) {
            listener_.note(fmt::format("Linux {}: a record that is none: {}", visit_.release, error.what()));
        }
    }
    template <class Other>
    void take(const Other& record) {
        tasks_.take(record);
    }
    void take(const record::Progress& progress) {
        listener_.progress({progress.done, progress.total, progress.failed, tasks_.running()});
    }
    void take(const record::End& end) {
        visit_.status = end.status;
        ended_ = true;
    }

    const Qemu& qemu_;
    const Kernel& kernel_;
    const MachineSetup& setup_;
    const Program& program_;
    const Job& job_;
    const Patience& patience_;
    const Listener& listener_;
    const std::atomic<bool>& interrupted_;
    Visit visit_;
    Tasks tasks_;
    BootEnd end_;
    Lines out_;
    bool off_ = false;
    bool ended_ = false;
    unsigned lost_in_a_row_ = 0;
    Clock::time_point heard_;
};

}  // namespace

Visit visit(const Qemu& qemu, const Kernel& kernel, const MachineSetup& setup, const Program& program,
            const Job& job, const Patience& patience, const Listener& listener,
            const std::atomic<bool>& interrupted) {
    return Session(qemu, kernel, setup, program, job, patience, listener, interrupted).run();
}

}  // namespace irqbench::tools::lab
