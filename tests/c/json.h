// JSON as the runner needs it: values by jansson, documents as the very text that is in a file.
#ifndef JSON_H
#define JSON_H

#include "failure.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// All of a file, to be freed; NULL when it cannot be read.
char *json_file_text(const char *path, failure *wrong);

// Parses a text; NULL when it is no JSON. Integers beyond 2^63 - 1, which jansson has no type for, make all numbers of
// the text doubles.
json_t *json_parse(const char *text, failure *wrong);

// The text of a key, or NULL when it is left out or no text.
const char *json_text(const json_t *object, const char *key);

// The number of a key, or `otherwise` when it is left out.
uint64_t json_count(const json_t *object, const char *key, uint64_t otherwise);

// Where the value of a key begins in the text of an object; NULL when there is none, or the text is that of no object. Of
// a key that is written twice the last counts, as for jansson. The text must have been parsed before: it
// is not checked again.
const char *json_raw_member(const char *text, const char *key);

// Where the first item begins in the text of an array, and from there on the one after it; NULL when there is none.
const char *json_raw_first(const char *text);
const char *json_raw_next(const char *item);

// A copy of the value that begins here, to be freed.
char *json_raw_copy(const char *text);

// What is allocated, or the end of the process.
void *must_have(void *memory);

#endif
