// Names of events and properties as people say them.
#include <ctype.h>

#include "base/utf8.h"
#include "lang/words_private.h"

static bool is_separator(char c) {
    return c == '_' || c == '-' || c == '.' || c == '[' || c == ']' || c == ' ' || c == '/';
}

Str words_human(Arena *arena, Str name) {
    BASE_TEXT_SCOPED out = {0};
    char before = ' ';
    for (size_t i = 0; i < name.size_bytes; i++) {
        char c = name.data[i];
        bool is_hump = isupper((unsigned char)c) && (islower((unsigned char)before) != 0);
        if (is_separator(c) || is_hump) {
            if (out.size_bytes > 0 && out.data[out.size_bytes - 1] != ' ') {
                base_text_append_char(&out, ' ');
            }
        }
        if (!is_separator(c)) {
            base_text_append_char(&out, c);
        }
        before = c;
    }
    Str human = base_str_trim(base_text_str(&out));
    // Capitals that stand for letters (ID, RFM) stay.
    bool has_lower = false;
    for (size_t i = 0; i < human.size_bytes; i++) {
        has_lower = has_lower || islower((unsigned char)human.data[i]);
    }
    return human.size_bytes == 0 ? base_arena_str(arena, name)
           : has_lower           ? base_utf8_lower(arena, human)
                                 : base_arena_str(arena, human);
}

static bool is_vowel(char c) {
    return c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u';
}

Str words_plural(Arena *arena, Str noun) {
    size_t size = noun.size_bytes;
    char last = size > 0 ? noun.data[size - 1] : 'x';
    if (last == 'y' && size > 1 && !is_vowel(noun.data[size - 2])) {
        return base_arena_printf(arena, "%.*sies", (int)size - 1, noun.data);
    }
    bool needs_e = base_str_ends(noun, STR("ch")) || base_str_ends(noun, STR("sh")) ||
                   base_str_ends(noun, STR("ss")) || last == 'x' || last == 'z';
    if (needs_e) {
        return base_arena_printf(arena, "%.*ses", STR_ARG(noun));
    }
    if (last == 's') {
        return noun;
    }
    return base_arena_printf(arena, "%.*ss", STR_ARG(noun));
}

const char *words_article(Str noun) {
    return noun.size_bytes > 0 && is_vowel((char)tolower((unsigned char)noun.data[0])) ? "an" : "a";
}

// Names of several words that begin with one of these say what somebody did.
static const char *past_of(Str word) {
    static const char *const verbs[][2] = {{"add", "added"},
                                           {"accept", "accepted"},
                                           {"apply", "applied"},
                                           {"begin", "began"},
                                           {"buy", "bought"},
                                           {"cancel", "cancelled"},
                                           {"change", "changed"},
                                           {"click", "clicked"},
                                           {"close", "closed"},
                                           {"complete", "completed"},
                                           {"create", "created"},
                                           {"download", "downloaded"},
                                           {"finish", "finished"},
                                           {"install", "installed"},
                                           {"join", "joined"},
                                           {"leave", "left"},
                                           {"log", "logged"},
                                           {"make", "made"},
                                           {"open", "opened"},
                                           {"place", "placed"},
                                           {"play", "played"},
                                           {"receive", "received"},
                                           {"register", "registered"},
                                           {"remove", "removed"},
                                           {"rent", "rented"},
                                           {"save", "saved"},
                                           {"see", "saw"},
                                           {"select", "selected"},
                                           {"send", "sent"},
                                           {"share", "shared"},
                                           {"sign", "signed"},
                                           {"start", "started"},
                                           {"submit", "submitted"},
                                           {"subscribe", "subscribed"},
                                           {"update", "updated"},
                                           {"use", "used"},
                                           {"view", "viewed"},
                                           {"visit", "visited"},
                                           {"watch", "watched"},
                                           {"write", "wrote"}};
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (base_str_equal(word, base_str_from(verbs[i][0]))) {
            return verbs[i][1];
        }
    }
    return NULL;
}

// "order completed", "product viewed": what happened, no noun to count.
static bool is_participle(Str human) {
    bool has_space = base_str_contains(human, STR(" "));
    return has_space && base_str_ends(human, STR("ed"));
}

static Str without_plural_s(Str noun) {
    bool is_plural =
        noun.size_bytes > 3 && base_str_ends(noun, STR("s")) && !base_str_ends(noun, STR("ss"));
    return is_plural ? (Str){noun.data, noun.size_bytes - 1} : noun;
}

static WordsEvent one_event(Arena *arena, Str name) {
    Str human = words_human(arena, name);
    size_t first = 0;
    while (first < human.size_bytes && human.data[first] != ' ') {
        first++;
    }
    const char *past = first < human.size_bytes ? past_of((Str){human.data, first}) : NULL;
    WordsEvent event = {.one = human};
    if (base_str_ends(name, STR("]"))) { // an item of an array
        event.one = base_arena_str(arena, without_plural_s(human));
        event.many = words_plural(arena, event.one);
    } else if (past != NULL) {
        event.is_verb = true;
        event.plain = human;
        event.past = base_arena_printf(arena, "%s%.*s", past, (int)(human.size_bytes - first),
                                       human.data + first);
        event.one = base_arena_printf(arena, "“%.*s” event", STR_ARG(human));
        event.many = base_arena_printf(arena, "“%.*s” events", STR_ARG(human));
    } else if (is_participle(human)) {
        event.one = base_arena_printf(arena, "“%.*s” event", STR_ARG(human));
        event.many = base_arena_printf(arena, "“%.*s” events", STR_ARG(human));
    } else {
        event.many = words_plural(arena, human);
    }
    return event;
}

WordsEvent words_event(Arena *arena, const Plan *plan, EventSet events) {
    if (events.is_any) {
        return (WordsEvent){.one = STR("activity"), .many = STR("activities")};
    }
    if (events.count == 1) {
        return one_event(arena, plan->events[events.events[0]].name);
    }
    BASE_TEXT_SCOPED one = {0};
    BASE_TEXT_SCOPED many = {0};
    for (int32_t i = 0; i < events.count; i++) {
        WordsEvent event = one_event(arena, plan->events[events.events[i]].name);
        const char *between = i == 0 ? "" : i + 1 == events.count ? " or " : ", ";
        base_text_printf(&one, "%s%.*s", between, STR_ARG(event.one));
        base_text_printf(&many, "%s%.*s", between, STR_ARG(event.many));
    }
    return (WordsEvent){.one = base_arena_str(arena, base_text_str(&one)),
                        .many = base_arena_str(arena, base_text_str(&many))};
}
