#include "migrate/findings.h"

void findings_release(struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++) {
		free(findings->items[i].text);
		free(findings->items[i].remedy);
	}
	free(findings->items);
	*findings = (struct findings){0};
}

void findings_add(struct findings *findings, const char *check, bool bad, char *text, char *remedy)
{
	xgrow(findings->items, findings->count, findings->alloc);
	findings->items[findings->count++] = (struct finding){check, bad, text, remedy};
}

size_t findings_bad(const struct findings *findings)
{
	size_t count = 0;
	for (size_t i = 0; i < findings->count; i++)
		count += findings->items[i].bad;
	return count;
}

void findings_lines(const struct findings *findings, struct strvec *lines)
{
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->items[i];
		AUTO_STRVEC(parts);
		strvec_split(&parts, finding->text, '\n');
		for (size_t n = 0; n < parts.count; n++)
			strvec_pushf(lines, "%-4s  %-12s  %s",
				n              ? ""
				: finding->bad ? "bad"
					       : "note",
				n ? "" : finding->check, parts.items[n]);
		if (finding->remedy)
			strvec_pushf(lines, "%20snext: %s", "", finding->remedy);
	}
}

json_t *findings_json(const struct findings *findings)
{
	json_t *list = json_array();
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->items[i];
		json_array_append_new(list,
			json_pack("{s:s, s:b, s:s, s:s?}", "check", finding->check, "bad",
				finding->bad, "text", finding->text, "remedy", finding->remedy));
	}
	return list;
}
