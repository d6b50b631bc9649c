#include "controller/core/database.h"

static const char *const roles[] = {
	[DATABASE_UNKNOWN] = "unknown",
	[DATABASE_PRIMARY] = "primary",
	[DATABASE_REPLICA] = "replica",
};

static const char *const orders[DATABASE_ORDERS] = {
	[DATABASE_PROMOTE] = "promote",   [DATABASE_FOLLOW] = "follow",
	[DATABASE_FENCE] = "fence",       [DATABASE_UNFENCE] = "unfence",
	[DATABASE_CATCH_UP] = "catch up", [DATABASE_CANARY] = "canary",
};

const char *database_role_name(enum database_role role)
{
	return roles[role];
}

const char *database_order_name(enum database_order_kind kind)
{
	return orders[kind];
}
