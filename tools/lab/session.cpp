#include "tools/lab/session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <stdexcept>

#include "tools/lab/decompress.hpp"
#include "tools/lab/diagnosis.hpp"
#include "tools/lab/packed_lines.hpp"
#include "tools/lab/payload.hpp"
#include "tools/lab/tasks.hpp"
#include "tools/lab/unpacked_kernel.hpp"

namespace irqbench::tools::lab {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds listening_period{100};
/// How long a program that was interrupted may take to say what it has.
constexpr std::chrono::seconds grace{10};

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

/// Empty if it cannot be read, which QEMU has words for.
std::string image_of(const Kernel& kernel) {
    try {
        return read_file(kernel.image);
    } catch (const std::runtime_error&) {
        return {};
    }
}

class Session {
  public:
    Session(const Qemu& qemu, const Kernel& kernel, const MachineSetup& setup, const Program& program,
            const Job& job, const Patience& patience, const Listener& listener,
            const std::atomic<bool>& interrupted)
        : qemu_(qemu),
          kernel_(kernel),
          quick_(kernel),
          setup_(setup),
          program_(program),
          job_(job),
          patience_(patience),
          listener_(listener),
          interrupted_(interrupted) {
        if (setup.accelerator != "tcg") return;
        if (const auto unpacked = unpacked_kernel(image_of(kernel))) {
            unpacked_.append(*unpacked);
            quick_.image = unpacked_.path();
        }
    }

    Visit run() {
        unsigned hangs = 0;
        bool one_by_one = false;
        for (;;) {
            const BootEnd end = boot(one_by_one);
            const auto trouble = diagnose(end);
            if (!trouble && job_.records && !ended_ && end.exit->status == 0)
                visit_.trouble = "it ended without a last record: what ran inside is no irqbench";
            if (!trouble || interrupted_.load()) break;
            if (was_lost(end) && ++lost_in_a_row_ < tries_after(end)) {
                // If that is the last, it must be possible to see how far it came.
                talkative_ = lost_in_a_row_ + 1 >= tries_after(end);
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
    /// An emulated machine whose threads get no CPU time for long may never come up, or the kernel may take
    /// its late interrupts for a broken timer: on a busy host one boot in some hundred. Nothing was tested.
    [[nodiscard]] bool was_lost(const BootEnd& end) const {
        if (end.stuck) return true;
        if (end.kvm)
            return end.why == BootEnd::Why::silent && job_.records && !tasks_.begun() &&
                   tasks_.suspects() == 0;
        return end.why == BootEnd::Why::slow || qemu_ran(end);
    }
    /// It ended because of what was inside.
    [[nodiscard]] static bool qemu_ran(const BootEnd& end) {
        return end.qemu_status == 0 && end.complaints.empty();
    }
    /// What a kernel does twice it does always; that it is slow is more often the host's doing.
    [[nodiscard]] unsigned tries_after(const BootEnd& end) const {
        const bool is_chance = end.stuck || end.why == BootEnd::Why::slow || end.why == BootEnd::Why::silent;
        return is_chance ? patience_.boots : std::min(patience_.boots, 2U);
    }

    /// Another boot helps if it was a scenario that ended this one.
    [[nodiscard]] bool goes_on_after(const BootEnd& end) const {
        return job_.records && end.kvm && end.kvm->error.empty() && tasks_.suspects() > 0;
    }

    void mark(const record::Started& task, const std::string& trouble, const BootEnd& end) {
        record::Finished finished;
        finished.index = task.index;
        finished.result.scenario = task.scenario;
        finished.result.file = task.file;
        finished.result.irqchip = task.irqchip;
        finished.result.kernel = visit_.release;
        finished.result.verdict.kind = scenarios::Verdict::Kind::error;
        finished.result.verdict.reason = trouble;
        finished.result.bad_runs = 1;
        constexpr std::size_t most_lines = 40;
        if (const auto lines = last_lines(end.console, most_lines, "  console: "); !lines.empty())
            listener_.note("the end of its console:\n" + lines);
        tasks_.take(finished);
        listener_.record(finished);
    }

    BootEnd boot(bool one_by_one) {
        ++visit_.boots;
        tasks_.begin_boot();
        records_ = err_ = trace_ = Lines();
        unpacker_ = LineUnpacker();
        ended_ = false;
        Job job = job_;
        if (one_by_one) add_options(job, {"--jobs", "1"});
        MachineSetup setup = setup_;
        setup.talkative = setup.talkative || talkative_;
        Initramfs initramfs;
        end_ = BootEnd();
        end_.has_modules = add_kernel_modules(initramfs, kernel_);
        add_program(initramfs, program_);
        if (job.earlier || tasks_.any()) {
            initramfs.add_bytes("/lab/done.jsonl", job.earlier.value_or("") + tasks_.lines());
            add_options(job, {"--resume", "/lab/done.jsonl"});
        }
        add_job(initramfs, kernel_.arch, job, library_path(program_));
        Machine machine(qemu_, lost_in_a_row_ == 0 ? quick_ : kernel_, setup, initramfs.finish());
        attend(machine);
        // What was cut off is of use to readers, but to no parser.
        if (!err_.rest().empty()) listener_.output(said::Stream::err, err_.rest() + '\n');
        if (end_.why != BootEnd::Why::gone) machine.kill();
        end_.qemu_status = machine.status();
        end_.complaints = machine.complaints();
        end_.console = machine.console();
        end_.running = tasks_.running();
        visit_.console = end_.console;
        visit_.log += fmt::format("### boot {}\n{}\n", visit_.boots, end_.console);
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
        visit_.release = up.release;
    }
    void hear(const said::Stuck& stuck) { end_.stuck = stuck; }
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
        const auto pass_on = [&](std::string_view line) {
            listener_.output(output.stream, std::string(line) + '\n');
        };
        switch (output.stream) {
            case said::Stream::err: err_.add(output.text, pass_on); break;
            case said::Stream::trace: trace_.add(output.text, pass_on); break;
            default:
                if (job_.records)
                    records_.add(output.text, [this](std::string_view line) { take(line); });
                else
                    listener_.output(output.stream, output.text);
        }
    }

    void take(std::string_view line) {
        try {
            if (line.starts_with('{')) return take(parse_record(line));
            Lines records;
            records.add(unpacker_.unpack(line), [this](std::string_view each) { take(parse_record(each)); });
        } catch (const std::invalid_argument& error) {
            listener_.note(fmt::format("Linux {}: a record that is none: {}", visit_.release, error.what()));
        }
    }
    void take(const Record& record) {
        if (is_news(record)) listener_.record(record);
        std::visit([this](const auto& each) { take(each); }, record);
    }
    /// Later boots tell again of what earlier ones did.
    [[nodiscard]] bool is_news(const Record& record) const {
        if (std::holds_alternative<record::Begin>(record)) return !told_of_begin_;
        const auto* finished = std::get_if<record::Finished>(&record);
        return finished == nullptr || !tasks_.has(finished->index);
    }
    void take(const record::Begin& begin) {
        told_of_begin_ = true;
        lost_in_a_row_ = 0;
        talkative_ = false;
        tasks_.take(begin);
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
    MemoryFile unpacked_{"vmlinux"};
    Kernel quick_;  ///< what is booted first: the kernel without its wrapping, where there is one
    const MachineSetup& setup_;
    const Program& program_;
    const Job& job_;
    const Patience& patience_;
    const Listener& listener_;
    const std::atomic<bool>& interrupted_;
    Visit visit_;
    Tasks tasks_;
    BootEnd end_;
    Lines records_;
    Lines err_;
    Lines trace_;
    LineUnpacker unpacker_;
    bool off_ = false;
    bool ended_ = false;
    bool told_of_begin_ = false;
    bool talkative_ = false;
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
