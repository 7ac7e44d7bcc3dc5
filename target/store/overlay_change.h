// What an administrator does to an overlay while nothing serves it: `aoe-target overlay`.
//
// Killed at any instant, by the process's end or the machine's, each leaves a delta from which clients
// read what they read before (adopt() changes that in one step). The order of what is made stable is
// the proof:
//
//   rebase   blocks, their bits, the header. A block that is copied equals the old base's, so
//            until the header is the new base's the delta is right over the old one.
//   commit   all bits, the header with a mark (version 3); blocks into the base; bits off; the header
//            of the changed base, without the mark. The base gets only blocks that the delta has,
//            so what the two hold together stays the same, and by that a base is recognised that
//            has some of them. Done again, it goes on.
//   compact  bits off, then holes. A block whose bit goes equals the base's.
//
// Where the machine went down since the delta was served, what was never flushed is not in it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include <tl/expected.hpp>

#include "target/store/overlay_file.h"

namespace aoe::target {

/// Is called now and then with the bytes of the disk that were gone through.
using OverlayProgress = std::function<void(std::uint64_t bytes)>;

// The delta is writable and used alone, bases are open for reading, where nothing else is said. Errors
// name the file: "client3.cow: made over another golden.img (it has changed since)", "golden.img: No
// space left on device". Those that change blocks return the number of these blocks.

/// Makes `base`, of the same size, the base of the delta, whatever it holds. Error: "client3.cow: over
/// 1048576 bytes, and other.img has 2097152".
tl::expected<void, std::string> adopt_base(OverlayFile& delta, const File& base);

/// Makes `new_base`, of the same size, the base of the delta, in which what differs between the two is
/// kept.
tl::expected<std::uint64_t, std::string> rebase(OverlayFile& delta, const File& old_base,
                                                const File& new_base,
                                                const OverlayProgress& progress);

/// Writes the blocks of the delta into `base`, which is writable, and empties the delta.
tl::expected<std::uint64_t, std::string> commit(OverlayFile& delta, const File& base,
                                                const OverlayProgress& progress);

/// Takes blocks that equal the base's out of the delta, and makes holes where no block of it is.
tl::expected<std::uint64_t, std::string> compact(OverlayFile& delta, const File& base,
                                                 const OverlayProgress& progress);

}  // namespace aoe::target
