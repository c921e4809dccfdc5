# The journal of a run as lines "since start <tab> took <tab> phase step <tab> how it ended".
# Attempts of one step make one line.
def ms: (.[0:19] + "Z" | fromdate) * 1000 + (.[20:23] | tonumber);
def seconds: (. / 100 | floor) as $tenths | "\($tenths / 10 | floor).\($tenths % 10) s";

(.[0].at | ms) as $zero
| reduce (.[] | select(.record == "done")) as $done ([];
	if length > 0 and .[-1].step == $done.step and .[-1].phase == $done.phase
	then .[-1] += {end: ($done.at | ms), last: $done, tries: (.[-1].tries + 1)}
	else . + [{phase: $done.phase, step: $done.step, begin: (($done.at | ms) - $done.took_ms),
		end: ($done.at | ms), last: $done, tries: 1}] end)
| .[]
| [
	(.begin - $zero | seconds), (.end - .begin | seconds),
	(if .phase == .step then .step else "\(.phase) \(.step)" end),
	.last.state + (if .tries > 1 then " (asked \(.tries) times)" else "" end)
		+ (if .last.error then ": \(.last.error)" else "" end)
]
| @tsv
