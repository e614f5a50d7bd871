#include "expect.h"

#include "json.h"

#include <fusewire.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    uint64_t nanos;
} UNITS[] = {
    {"ns", 1},
    {"us", 1000},
    {"ms", 1000000},
    {"s", 1000000000},
    {"m", UINT64_C(60000000000)},
    {"h", UINT64_C(3600000000000)},
};

static uint64_t unit_of(const char *name) {
    for (size_t i = 0; i < sizeof UNITS / sizeof *UNITS; i++) {
        if (strcmp(UNITS[i].name, name) == 0) {
            return UNITS[i].nanos;
        }
    }
    return 0;
}

static uint64_t common_divisor(uint64_t a, uint64_t b) {
    return b == 0 ? a : common_divisor(b, a % b);
}

// Reads digits; `false` when there are none or the number has no room.
static bool digits(const char **text, uint64_t *number, uint64_t *scale) {
    const char *begin = *text;
    *number = 0;
    *scale = 1;
    for (; **text >= '0' && **text <= '9'; (*text)++) {
        const uint64_t digit = (uint64_t)(**text - '0');
        if (*number > (UINT64_MAX - digit) / 10 || *text - begin > 19) {
            return false;
        }
        *number = *number * 10 + digit;
        // 10^20 has no room, and no use either: it would be the scale of twenty digits.
        *scale = *text - begin < 19 ? *scale * 10 : 0;
    }
    return *text > begin;
}

static bool nanos_of_text(const char *text, uint64_t *nanos) {
    uint64_t whole, unused, fraction = 0, scale = 1;
    if (!digits(&text, &whole, &unused)) {
        return false;
    }
    if (*text == '.') {
        text++;
        if (!digits(&text, &fraction, &scale) || scale == 0) {
            return false;
        }
    }
    const uint64_t unit = unit_of(text);
    if (unit == 0 || whole > UINT64_MAX / unit) {
        return false;
    }
    const uint64_t divisor = common_divisor(unit, scale);
    if (fraction > UINT64_MAX / (unit / divisor)) {
        return false;
    }
    const uint64_t part = fraction * (unit / divisor) / (scale / divisor);
    *nanos = whole * unit + part;
    return *nanos >= part;
}

bool expect_nanos(const json_t *value, uint64_t *nanos, failure *wrong) {
    if (json_is_number(value)) {
        const double rounded = round(json_number_value(value) * 1e9);
        if (rounded >= 0 && rounded < 0x1p64) {
            *nanos = (uint64_t)rounded;
            return true;
        }
    }
    if (json_is_string(value) && nanos_of_text(json_string_value(value), nanos)) {
        return true;
    }
    char *shown = json_dumps(value, JSON_ENCODE_ANY);
    fail(wrong, "%s is no duration", shown ? shown : "nothing");
    free(shown);
    return false;
}

json_t *expect_nanos_value(uint64_t nanos) {
    return nanos == FUSEWIRE_NONE ? json_null() : json_sprintf("%" PRIu64 "ns", nanos);
}

// What the library says, in nanoseconds.
static bool found_nanos(const json_t *got, uint64_t *nanos, failure *wrong) {
    if (json_is_integer(got)) {
        *nanos = (uint64_t)json_integer_value(got);
        return true;
    }
    if (json_is_real(got)) {
        const double value = json_real_value(got);
        *nanos = value < 0x1p64 ? (uint64_t)value : UINT64_MAX;
        return true;
    }
    return expect_nanos(got, nanos, wrong);
}

bool expect_duration(const char *what, const json_t *expected, const json_t *got, failure *wrong) {
    if (json_is_null(expected) || json_is_null(got)) {
        return (json_is_null(expected) && json_is_null(got)) || fail_unequal(wrong, what, expected, got);
    }
    uint64_t found, min = 0, max = UINT64_MAX;
    if (!found_nanos(got, &found, wrong)) {
        return fail_at(wrong, "%s: ", what);
    }
    bool is_read;
    if (json_is_object(expected)) {
        const json_t *lower = json_object_get(expected, "min"), *upper = json_object_get(expected, "max");
        is_read = (lower == NULL || expect_nanos(lower, &min, wrong)) &&
                  (upper == NULL || expect_nanos(upper, &max, wrong));
    } else {
        is_read = expect_nanos(expected, &min, wrong);
        max = min;
    }
    if (!is_read) {
        return fail_at(wrong, "%s: ", what);
    }
    return (min <= found && found <= max) || fail_unequal(wrong, what, expected, got);
}

static bool is_in(const json_t *range, double number) {
    const json_t *min = json_object_get(range, "min"), *max = json_object_get(range, "max");
    return (min == NULL || (json_is_number(min) && number >= json_number_value(min))) &&
           (max == NULL || (json_is_number(max) && number <= json_number_value(max)));
}

bool expect_equal(const char *what, const json_t *expected, const json_t *got, failure *wrong) {
    bool fits;
    if (json_is_number(got) && json_is_object(expected)) {
        fits = is_in(expected, json_number_value(got));
    } else if (json_is_integer(got) && json_is_integer(expected)) {
        fits = json_integer_value(got) == json_integer_value(expected);
    } else if (json_is_number(got) && json_is_number(expected)) {
        fits = fabs(json_number_value(got) - json_number_value(expected)) <= 1e-9;
    } else {
        fits = json_equal(expected, got) == 1;
    }
    return fits || fail_unequal(wrong, what, expected, got);
}

// Counts by reason or by priority: one that is left out is 0.
static bool reasons(const char *what, const json_t *expected, const json_t *got, failure *wrong) {
    json_t *zero = must_have(json_integer(0));
    const char *reason;
    json_t *count, *wanted;
    bool fits = true;
    json_object_foreach((json_t *)got, reason, count) {
        wanted = json_object_get(expected, reason);
        fits = fits && (expect_equal(reason, wanted ? wanted : zero, count, wrong) || fail_at(wrong, "%s.", what));
    }
    json_decref(zero);
    json_object_foreach((json_t *)expected, reason, wanted) {
        fits = fits && (json_object_get(got, reason) != NULL || fail(wrong, "%s: there is no %s", what, reason));
    }
    return fits;
}

static bool member(const char *path, const char *key, const json_t *expected, const json_t *got, failure *wrong) {
    if (strcmp(key, "retry_after") == 0 || strcmp(key, "at") == 0 || strcmp(key, "timeout") == 0) {
        return expect_duration(path, expected, got, wrong);
    }
    bool counts = strcmp(key, "rejected") == 0 || strcmp(key, "would_reject") == 0 || strcmp(key, "reserved") == 0;
    if (counts && json_is_object(expected)) {
        return reasons(path, expected, got, wrong);
    }
    return expect_part(path, expected, got, wrong);
}

bool expect_part(const char *what, const json_t *expected, const json_t *got, failure *wrong) {
    if (!json_is_object(expected) || !json_is_object(got)) {
        return expect_equal(what, expected, got, wrong);
    }
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)expected, key, value) {
        char path[256];
        (void)snprintf(path, sizeof path, "%s.%s", what, key);
        const json_t *found = json_object_get(got, key);
        if (found == NULL) {
            return fail(wrong, "%s: there is no such key", path);
        }
        if (!member(path, key, value, found, wrong)) {
            return false;
        }
    }
    return true;
}
