#pragma once

#include <string>
#include <vector>

#include "tools/irqbench/inner_command.hpp"

namespace irqbench::tools {

/// What a command of this host, which `record` is to start in a machine of the lab, needs of it: its program
/// and the files and folders that its arguments name, alone or as a part (`file=disk.img,if=virtio`, for
/// which the part has to have a slash). The program gets its whole path.
/// @throws CLI::ValidationError when there is no such program, or the machine is not to have so much
void take_recorded_command(const std::vector<std::string>& command, InnerCommand& inner);

}  // namespace irqbench::tools
