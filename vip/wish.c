#include "vip/wish.h"

/* One may be lost, and a switch may learn late: soon again, then later.  The
 * last ones are for neighbours whose tables were full. */
static const int64_t gaps_us[] = { 50 * MS, 200 * MS, 1 * SECOND, 4 * SECOND };

/* After the end of a lifetime the kernel takes so long to look. */
#define LATE_US (400 * MS)

/* In each lifetime: a daemon that was kept waiting does not lose it. */
#define RENEWALS 4

#define GAPS (sizeof(gaps_us) / sizeof(gaps_us[0]))

void vip_wish_take(struct vip_wish *wish, struct instant until,
		   struct instant grace)
{
	*wish = (struct vip_wish){ .wanted = true,
				   .until = until,
				   .renew = INSTANT_NONE,
				   .grace = grace };
}

void vip_wish_fulfilled(struct vip_wish *wish)
{
	wish->grace = INSTANT_NONE;
}

bool vip_wish_overdue(const struct vip_wish *wish, struct instant now)
{
	return wish->wanted && !instant_is_none(wish->grace) &&
	       instant_reached(now, wish->grace);
}

uint32_t vip_wish_lifetime_s(const struct vip_wish *wish, struct instant now)
{
	int64_t left_us;

	if (!wish->wanted || instant_is_none(wish->until) ||
	    instant_reached(now, wish->until))
		return 0;
	left_us = instant_diff_us(now, wish->until);
	if (left_us < LATE_US + SECOND)
		return 1;
	if (left_us > DAY)
		left_us = DAY;
	return (uint32_t)((left_us - LATE_US) / SECOND);
}

void vip_wish_renewed(struct vip_wish *wish, struct instant now,
		      uint32_t lifetime_s)
{
	wish->renew = instant_add(now, lifetime_s * SECOND / RENEWALS);
}

bool vip_wish_renewable(const struct vip_wish *wish, struct instant now)
{
	return vip_wish_lifetime_s(wish, now) > 0 &&
	       instant_is_none(wish->grace) &&
	       (instant_is_none(wish->renew) ||
		instant_reached(now, wish->renew));
}

enum vip_mend vip_wish_judge(const struct vip_wish *wish, bool shows,
			     struct instant now)
{
	if (shows)
		return wish->wanted ? VIP_AGREES : VIP_MEND_REMOVE;
	if (instant_before(now, wish->grace))
		return VIP_AGREES;
	return vip_wish_lifetime_s(wish, now) > 0 ? VIP_MEND_ADD : VIP_AGREES;
}

int64_t vip_announce_gap_us(unsigned number)
{
	return number < GAPS ? gaps_us[number] : 0;
}
