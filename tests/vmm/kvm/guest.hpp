#pragma once

#if defined(__aarch64__)
#include "tests/vmm/kvm/guest_arm64.hpp"
#else
#include "tests/vmm/kvm/guest_x86_64.hpp"
#endif
