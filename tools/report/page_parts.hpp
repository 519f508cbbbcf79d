#pragma once

#include <string_view>

namespace irqbench::tools {

/// The files of tools/report/page, which tools/report/embed.cmake makes a source of when irqbench is built.
extern const std::string_view page_skeleton;  ///< page.html, with {{style}}, {{script}} and {{data}}
extern const std::string_view page_style;
extern const std::string_view page_script;

}  // namespace irqbench::tools
