#pragma once

#include <stdexcept>

namespace irqbench::tools::lab {

/// Something that a machine of the lab needs cannot be had on this host. The message says what it is, why,
/// and what helps.
struct Unavailable : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Ctrl-C came while something was fetched.
struct Interrupted : std::runtime_error {
    Interrupted() : std::runtime_error("interrupted") {}
};

}  // namespace irqbench::tools::lab
