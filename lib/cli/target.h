/*
 * The way to the target that every program takes: environment, session, pin. "-d changes how to
 * connect, never the policy": the policy is that of the environment whose pin matches the database
 * reached, and a pin that does not match is refused (17).
 */
#ifndef CLI_TARGET_H
#define CLI_TARGET_H

#include "cli/cli.h"
#include "db/keys.h"

/*
 * cli_env(), then a session with the target under the program's name, then cli_target_check(). With
 * -d, several environments and none chosen, the environment is the one whose pin matches.
 */
MUST_CHECK bool cli_target(struct cli *cli, struct db **db, struct err *err);
/* The same; `meanwhile` (NULL: none) as in struct db_params, with cli->env loaded. */
MUST_CHECK bool cli_target_while(
	struct cli *cli, void (*meanwhile)(void *ctx), void *ctx, struct db **db, struct err *err);
/* Another environment and a session with it; caller owns both. NULL: the only one there is. */
MUST_CHECK bool cli_target_other(
	struct cli *cli, const char *name, struct conf_env **env, struct db **db, struct err *err);
/* The trees and (unless NULL) the environments that there are to choose from in mig.yaml. */
MUST_CHECK bool cli_names(
	const struct cli *cli, struct strvec *trees, struct strvec *envs, struct err *err);
/* How to reach it, for further sessions and for keys; borrows from cli (after cli_env). */
struct db_params cli_target_params(const struct cli *cli);
/* The keys of a program that changes the target; `program` ("mig-apply upgrade") is borrowed. */
struct keys_request cli_keys_request(const struct cli *cli, const char *program);
/* Is this session's database the one that the environment is pinned to? */
MUST_CHECK bool cli_target_check(const struct conf_env *env, const struct db *db, struct err *err);

#endif
