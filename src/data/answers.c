#include "data/answers.h"

void data_answers_done(Answers *answers) {
    if (answers == NULL || answers->segments == NULL) {
        return;
    }
    for (size_t i = 0; i < answers->segment_count; i++) {
        if (answers->segments[i] != NULL) {
            roaring_bitmap_free(answers->segments[i]);
            answers->segments[i] = NULL;
        }
    }
}
