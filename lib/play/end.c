#include "play/end.h"

static const struct {
	const char *word;
	enum err_code code;
	const char *sentence;
} rows[] = {
#define X(name, word, code, sentence) [name] = {word, code, sentence},
	PLAY_ENDS(X)
#undef X
};

static enum play_end end_state(const struct play_facts *facts)
{
	if (facts->key_lost || facts->doubt || facts->data_doubt)
		return PLAY_END_DOUBT;
	if (facts->ok)
		return PLAY_END_OK;
	if (!facts->effect)
		return PLAY_END_STOPPED;
	if (facts->pivot || facts->undo_failed || !facts->recovered || facts->dirty)
		return PLAY_END_PAGE;
	return PLAY_END_UNDONE;
}

struct play_decision play_end_decide(const struct play_facts *facts)
{
	/* a database that stays changed may be opened when `recovered` says that it works */
	bool lift = facts->closed && !facts->ok && !facts->key_lost && !facts->pivot &&
		    !facts->undo_failed && facts->recovered && !facts->data_doubt;
	return (struct play_decision){end_state(facts), lift};
}

const char *play_end_word(enum play_end end)
{
	return rows[end].word;
}

const char *play_end_sentence(enum play_end end)
{
	return rows[end].sentence;
}

enum err_code play_end_code(enum play_end end)
{
	return rows[end].code;
}
