#include "base/regex.h"

#include <new>
#include <re2/re2.h>

struct Regex {
    re2::RE2 re2;
    Regex(const re2::StringPiece &pattern, const re2::RE2::Options &options)
        : re2(pattern, options) {}
};

static re2::StringPiece piece_of(Str text) {
    return re2::StringPiece(text.data == nullptr ? "" : text.data, text.size_bytes);
}

int base_regex_new(Str pattern, Regex **ret_regex, KretsError *error) {
    re2::RE2::Options options;
    options.set_log_errors(false);
    Regex *regex = new (std::nothrow) Regex(piece_of(pattern), options);
    if (regex == nullptr) {
        return base_error_set(error, BASE_E_RESOURCES, "no memory for a pattern");
    }
    if (!regex->re2.ok()) {
        int code = base_error_set(error, BASE_E_USAGE, "the pattern '%.*s' cannot be used: %s",
                                  STR_ARG(pattern), regex->re2.error().c_str());
        delete regex;
        return code;
    }
    *ret_regex = regex;
    return BASE_OK;
}

void base_regex_free(Regex *regex) {
    delete regex;
}

bool base_regex_find(const Regex *regex, Str text) {
    return re2::RE2::PartialMatch(piece_of(text), regex->re2);
}
