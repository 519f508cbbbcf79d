#pragma once

#include <array>
#include <cassert>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

namespace irqbench::irqchip {

/// What the guest may do with a register or a field.
enum class Access : std::uint8_t { read_only, read_write, write_only };

/// The smallest type that holds `width` bits; one bit is a bool.
template <unsigned width>
using FieldValue = std::conditional_t<
    width == 1, bool,
    std::conditional_t<width <= 8, std::uint8_t,
                       std::conditional_t<width <= 16, std::uint16_t,
                                          std::conditional_t<width <= 32, std::uint32_t, std::uint64_t>>>>;

/// Bits `hi` to `lo` of the register `Reg`, numbered as its data sheet prints them. The value is of type
/// `Type` (an integer, a bool or an enumeration whose values are those of the data sheet).
template <class Reg, unsigned hi, unsigned lo, class Type = FieldValue<hi - lo + 1>,
          Access field_access = Access::read_write>
struct Field {
    static_assert(hi >= lo && hi < 64);
    using value_type = Type;

    static constexpr unsigned high_bit = hi;
    static constexpr unsigned low_bit = lo;
    static constexpr Access access = field_access;
    static constexpr std::uint64_t mask = (std::numeric_limits<std::uint64_t>::max() >> (63 - (hi - lo)))
                                          << lo;

    std::string_view name;
};

/// A field the guest can read and not change.
template <class Reg, unsigned hi, unsigned lo, class Type = FieldValue<hi - lo + 1>>
using ReadOnlyField = Field<Reg, hi, lo, Type, Access::read_only>;

/// A field the guest can write and not read back.
template <class Reg, unsigned hi, unsigned lo, class Type = FieldValue<hi - lo + 1>>
using WriteOnlyField = Field<Reg, hi, lo, Type, Access::write_only>;

/// A field as data: for scenario checks, traces and tests.
struct FieldInfo {
    std::string_view name;
    std::uint8_t hi;
    std::uint8_t lo;
    Access access;

    constexpr std::uint64_t mask() const {
        return (std::numeric_limits<std::uint64_t>::max() >> (63 - (hi - lo))) << lo;
    }
    constexpr std::uint64_t extract(std::uint64_t raw) const { return (raw & mask()) >> lo; }
};

/// The list every register declares as `fields`; the write mask and the run-time table are made from it.
template <class Reg, class... Fields>
struct FieldList {
    static constexpr std::uint64_t all = (std::uint64_t{0} | ... | Fields::mask);
    static constexpr std::uint64_t writable =
        (std::uint64_t{0} | ... | (Fields::access == Access::read_only ? 0 : Fields::mask));
    static constexpr std::uint64_t readable =
        (std::uint64_t{0} | ... | (Fields::access == Access::write_only ? 0 : Fields::mask));
    static constexpr bool disjoint = [] {
        std::uint64_t seen = 0;
        bool ok = true;
        ((ok = ok && (seen & Fields::mask) == 0, seen |= Fields::mask), ...);
        return ok;
    }();
    static_assert(disjoint, "two fields of one register overlap");

    std::array<FieldInfo, sizeof...(Fields)> infos;
};

template <class Reg, unsigned... hi, unsigned... lo, class... Type, Access... access>
constexpr auto field_list(const Field<Reg, hi, lo, Type, access>&... field) {
    return FieldList<Reg, Field<Reg, hi, lo, Type, access>...>{
        {FieldInfo{field.name, static_cast<std::uint8_t>(hi), static_cast<std::uint8_t>(lo), access}...}};
}

/// The named fields of a register, in the order of its declaration.
template <class Reg>
constexpr std::span<const FieldInfo> field_table() {
    return Reg::fields.infos;
}

/// The value of one register. `Self` derives from this and declares its fields as static constants, a `name`
/// and
///     static constexpr auto fields = field_list(...);
/// A field of another register does not compile here. Bits without a field are reserved: they keep their
/// reset value.
template <class Self, std::unsigned_integral Word, Word reset_value = 0>
class Register {
  public:
    using word = Word;
    static constexpr Word reset = reset_value;

    constexpr Register() = default;
    /// Takes every bit as it is, read-only and reserved ones too; for state that is restored, never for guest
    /// writes.
    explicit constexpr Register(Word raw) : raw_(raw) {}

    constexpr Word raw() const { return raw_; }

    /// The bits a guest write changes.
    static constexpr Word writable_mask() { return static_cast<Word>(Self::fields.writable); }

    template <unsigned hi, unsigned lo, class Type, Access access>
    constexpr Type get(Field<Self, hi, lo, Type, access> field) const {
        static_assert(hi < std::numeric_limits<Word>::digits);
        return static_cast<Type>((raw_ & field.mask) >> lo);
    }

    /// The controller's own write: read-only fields can be set. The value must fit the field.
    template <unsigned hi, unsigned lo, class Type, Access access>
    constexpr void set(Field<Self, hi, lo, Type, access> field, Type value) {
        static_assert(hi < std::numeric_limits<Word>::digits);
        const std::uint64_t bits = static_cast<std::uint64_t>(value) << lo;
        assert((bits & ~field.mask) == 0);
        raw_ = static_cast<Word>((raw_ & ~field.mask) | (bits & field.mask));
    }

    template <unsigned hi, unsigned lo, class Type, Access access>
    constexpr Self with(Field<Self, hi, lo, Type, access> field, std::type_identity_t<Type> value) const {
        Self copy{raw_};
        copy.set(field, value);
        return copy;
    }

    /// A guest write: only writable fields inside `lanes` change.
    constexpr void write(Word value, Word lanes = std::numeric_limits<Word>::max()) {
        const Word mask = static_cast<Word>(writable_mask() & lanes);
        raw_ = static_cast<Word>((raw_ & static_cast<Word>(~mask)) | (value & mask));
    }

    friend constexpr bool operator==(const Register&, const Register&) = default;

  private:
    Word raw_ = reset_value;
};

/// One row of a chip's register table: where a register (or a run of equal ones) is and how it behaves.
struct RegisterInfo {
    std::uint32_t offset;
    std::string_view name;
    Access access;
    std::uint64_t reset;
    std::uint64_t writable;
    std::uint32_t bits;
    std::uint32_t count = 1;
    /// Distance between two registers of the run, in the chip's own unit of offset.
    std::uint32_t stride = 1;

    constexpr std::uint32_t end() const { return offset + count * stride; }
};

/// The table row of `Reg`: name, access, reset value and write mask come from the type.
template <class Reg>
constexpr RegisterInfo describe(std::uint32_t offset, std::uint32_t count = 1, std::uint32_t stride = 1) {
    const auto list = Reg::fields;
    const Access access = list.writable == 0   ? Access::read_only
                          : list.readable == 0 ? Access::write_only
                                               : Access::read_write;
    return {offset,     Reg::name,     access,
            Reg::reset, list.writable, std::numeric_limits<typename Reg::word>::digits,
            count,      stride};
}

/// A table row and the place inside its run.
struct RegisterMatch {
    const RegisterInfo* info;
    std::uint32_t index;
    /// Offset inside a register that is wider than one unit of offset.
    std::uint32_t part;
};

constexpr std::optional<RegisterMatch> find_register(std::span<const RegisterInfo> table,
                                                     std::uint32_t offset) {
    for (const RegisterInfo& row : table)
        if (offset >= row.offset && offset < row.end())
            return RegisterMatch{&row, (offset - row.offset) / row.stride,
                                 (offset - row.offset) % row.stride};
    return std::nullopt;
}

/// A value with the name scenarios and traces use for it.
struct NamedValue {
    std::string_view name;
    std::uint64_t value;

    friend constexpr bool operator==(const NamedValue&, const NamedValue&) = default;
};

}  // namespace irqbench::irqchip
