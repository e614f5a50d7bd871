// How the public structs lie in memory and what the enums' values are, as layout.def says: this must compile, as C and
// as C++. The same numbers hold in Rust, see tests/layout.rs.

#include <fusewire.h>

#ifdef __cplusplus
#define IS(condition, text) static_assert(condition, text);
#define ALIGNMENT(type) alignof(type)
#else
#define IS(condition, text) _Static_assert(condition, text);
#define ALIGNMENT(type) _Alignof(type)
#endif

#define STRUCT(type, size, alignment) IS(sizeof(type) == (size) && ALIGNMENT(type) == (alignment), #type)
#define FIELD(type, field, offset, size)                                                                               \
    IS(offsetof(type, field) == (offset) && sizeof(((type *)0)->field) == (size), #type "." #field)
#define VALUE(name, number) IS((name) == (number), #name)

#include "layout.def"

// The fixed-width numbers beside the enums.
IS(sizeof(fusewire_status) == 4, "fusewire_status")
IS(sizeof(fusewire_state) == 4 && sizeof(fusewire_mode) == 4 && sizeof(fusewire_outcome) == 4, "small numbers")
IS(sizeof(fusewire_reason) == 4 && sizeof(fusewire_cause) == 4 && sizeof(fusewire_window) == 4, "small numbers")
IS(sizeof(fusewire_event_kind) == 4, "fusewire_event_kind")
IS(FUSEWIRE_NONE == UINT64_MAX, "FUSEWIRE_NONE")
IS(FUSEWIRE_INVALID == UINT32_MAX, "FUSEWIRE_INVALID")
