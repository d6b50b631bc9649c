#include "controller/daemon/vip.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vip/announce_io.h"
#include "vip/fifo_io.h"
#include "vip/netlink_io.h"
#include "vip/track_io.h"
#include "vip/wish.h"

#define TELL_GAP_US SECOND /* between two lines about one difference */
#define SAID_MAX    96
/* VRRP waits for three advertisements, which it sends each second, and a bit.
 */
#define GRACE_US (5 * SECOND)

struct vip {
	struct vip_parts parts;
	struct netlink_interface interface; /* index 0: it is not there */
	struct announce announce;
	struct vip_wish wish;
	struct fifo *fifo;  /* NULL: nobody writes */
	int orders, events; /* sockets */
	uint64_t differences[VIP_DIFFERENCES];
	struct instant told[VIP_DIFFERENCES];
	uint8_t shown[VIP_ADDRESSES_MAX]; /* prefix that it is there with */
	bool watching, carrier_told;
	unsigned announced; /* frames of this burst */
	ev_io on_events, on_arp, on_nd;
	ev_timer again;
};

static const struct vip_address *addresses(const struct vip *vip)
{
	return vip->parts.set->addresses;
}

static unsigned count_of(const struct vip *vip)
{
	return vip->parts.set->address_count;
}

static void differs(struct vip *vip, enum vip_difference what, const char *fmt,
		    ...) __attribute__((format(printf, 3, 4)));

static void differs(struct vip *vip, enum vip_difference what, const char *fmt,
		    ...)
{
	struct instant now = loop_clock();
	char text[SAID_MAX];
	va_list ap;

	vip->differences[what]++;
	if (instant_before(now, vip->told[what]))
		return;
	vip->told[what] = instant_add(now, TELL_GAP_US);
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	vip->parts.differs(vip->parts.arg, text);
}

/* ---- telling the network ---- */

static void on_again(struct ev_loop *ev, ev_timer *w, int events)
{
	struct vip *vip = w->data;
	int64_t gap_us;

	(void)events;
	if (!vip->wish.wanted)
		return;
	announce_send(&vip->announce, FRAME_ANNOUNCE);
	gap_us = vip_announce_gap_us(vip->announced++);
	if (gap_us == 0)
		return;
	ev_timer_stop(ev, w);
	ev_timer_set(w, (double)gap_us / 1e6, 0.);
	ev_timer_start(ev, w);
}

void vip_announce(struct vip *vip)
{
	if (vip == NULL || !vip->wish.wanted)
		return;
	vip->announced = 0;
	on_again(loop_ev(vip->parts.loop), &vip->again, 0);
}

static void on_frame(struct ev_loop *ev, ev_io *w, int events)
{
	struct vip *vip = w->data;
	char text[VIP_TEXT_MAX];
	uint8_t mac[FRAME_MAC_BYTES];
	int i;

	(void)ev;
	(void)events;
	while ((i = announce_hear(&vip->announce, w->fd, mac)) >= 0) {
		/* Who is not primary hears the one that is. */
		if (!vip->wish.wanted)
			continue;
		differs(vip, VIP_CLAIMED,
			"%02x:%02x:%02x:%02x:%02x:%02x has %s too: announced "
			"again",
			mac[0], mac[1], mac[2], mac[3], mac[4], mac[5],
			vip_text(&addresses(vip)[i], text));
		announce_send(&vip->announce, FRAME_ANNOUNCE);
	}
}

static void hear_from(struct vip *vip, ev_io *w, int fd)
{
	struct ev_loop *ev = loop_ev(vip->parts.loop);

	ev_io_stop(ev, w);
	if (fd < 0 || !vip->watching)
		return;
	ev_io_set(w, fd, EV_READ);
	ev_io_start(ev, w);
}

/* ---- the interface ---- */

/* Another interface may bear the name by now. */
static int find_interface(struct vip *vip, struct err *err)
{
	struct netlink_interface found;
	int r = netlink_interface(vip->parts.set->interface, &found);
	bool same =
		found.index == vip->interface.index &&
		memcmp(found.mac, vip->interface.mac, sizeof(found.mac)) == 0;

	if (r < 0 && r != -ENODEV)
		return err_set(err, r, "%s: %s", vip->parts.set->interface,
			       strerror(-r));
	vip->interface = found;
	if (same)
		return 0;
	hear_from(vip, &vip->on_arp, -1);
	hear_from(vip, &vip->on_nd, -1);
	announce_close(&vip->announce);
	r = announce_open(&vip->announce, &found, addresses(vip), count_of(vip),
			  err);
	if (r < 0)
		return r;
	hear_from(vip, &vip->on_arp, vip->announce.arp);
	hear_from(vip, &vip->on_nd, vip->announce.nd);
	return 0;
}

static int put_all(struct vip *vip, struct err *err)
{
	struct instant now = loop_clock();
	uint32_t lifetime_s = vip_wish_lifetime_s(&vip->wish, now);
	unsigned i;
	int r = 0;

	if (lifetime_s == 0)
		return err_set(err, -ETIME, "too late for the addresses");
	vip_wish_renewed(&vip->wish, now, lifetime_s);
	for (i = 0; r == 0 && i < count_of(vip); i++)
		r = netlink_add(vip->orders, vip->interface.index,
				&addresses(vip)[i], lifetime_s, err);
	return r;
}

/* All are tried; the first failure is told. */
static int remove_all(struct vip *vip, struct err *err)
{
	struct err later;
	unsigned i;
	int r = 0, one;

	for (i = 0; i < count_of(vip); i++) {
		one = netlink_remove(vip->orders, vip->interface.index,
				     &addresses(vip)[i], r < 0 ? &later : err);
		if (r == 0 && one < 0)
			r = one;
	}
	return r;
}

static bool by_keepalived(const struct vip *vip)
{
	return vip->parts.set->driver == VIP_KEEPALIVED;
}

/* Whether it may have them; somebody may have written there, too. */
static void tell_keepalived(struct vip *vip, bool may)
{
	struct err err;

	if (by_keepalived(vip) &&
	    track_write(vip->parts.set->track_file, may, &err) < 0)
		vip->parts.differs(vip->parts.arg, err.text);
}

/* What keepalived has put there is from now on the kernel's to remove, too,
 * should this node's lease end with nobody left who does. */
static void take_over(struct vip *vip)
{
	struct err err;
	unsigned i;

	if (!vip->wish.wanted || instant_is_none(vip->wish.grace))
		return;
	for (i = 0; i < count_of(vip); i++)
		if (vip->shown[i] == 0)
			return;
	vip_wish_fulfilled(&vip->wish);
	if (put_all(vip, &err) == 0)
		vip_announce(vip);
	else
		vip->parts.differs(vip->parts.arg, err.text);
}

static void mend_lost(struct vip *vip, unsigned i)
{
	char text[VIP_TEXT_MAX];
	struct err err;

	differs(vip, VIP_LOST,
		instant_is_none(vip->wish.grace)
			? "%s was gone from %s: added again"
			: "keepalived has not put %s on %s: added",
		vip_text(&addresses(vip)[i], text), vip->parts.set->interface);
	vip_wish_fulfilled(&vip->wish);
	tell_keepalived(vip, true);
	if (put_all(vip, &err) == 0)
		vip_announce(vip);
	else if (err.code != -ETIME)
		vip->parts.differs(vip->parts.arg, err.text);
}

static void mend_left(struct vip *vip, unsigned i)
{
	struct vip_address as_shown = addresses(vip)[i];
	char text[VIP_TEXT_MAX];
	struct err err;

	as_shown.prefix = vip->shown[i];
	differs(vip, VIP_LEFT, "%s was on %s: removed",
		vip_text(&as_shown, text), vip->parts.set->interface);
	tell_keepalived(vip, false);
	if (netlink_remove(vip->orders, vip->interface.index, &as_shown, &err) <
	    0)
		vip->parts.differs(vip->parts.arg, err.text);
}

static void compare(struct vip *vip)
{
	struct err err;
	unsigned i;

	if (netlink_shows(vip->orders, vip->interface.index, addresses(vip),
			  count_of(vip), vip->shown, &err) < 0) {
		vip->parts.differs(vip->parts.arg, err.text);
		return;
	}
	take_over(vip);
	for (i = 0; i < count_of(vip); i++)
		switch (vip_wish_judge(&vip->wish, vip->shown[i] != 0,
				       loop_clock())) {
		case VIP_MEND_ADD:
			mend_lost(vip, i);
			/* That was all of them. */
			return;
		case VIP_MEND_REMOVE:
			mend_left(vip, i);
			break;
		case VIP_AGREES:
			break;
		}
}

static void tell_carrier(struct vip *vip)
{
	bool there = vip->interface.carrier;

	if (there == vip->carrier_told)
		return;
	vip->carrier_told = there;
	/* A cable that was out may be in another switch. */
	if (there)
		vip_announce(vip);
	/* Last: whoever hears it may give the addresses up. */
	vip->parts.carrier(vip->parts.arg, there);
}

static void look(struct vip *vip)
{
	struct err err;

	if (find_interface(vip, &err) < 0)
		vip->parts.differs(vip->parts.arg, err.text);
	if (vip->interface.index != 0)
		compare(vip);
	tell_carrier(vip);
}

static void on_events(struct ev_loop *ev, ev_io *w, int events)
{
	(void)ev;
	(void)events;
	netlink_drain(w->fd);
	look(w->data);
}

/* It follows its file; one that was given another word by somebody else gets
 * ours again. */
static void on_keepalived(void *arg, const struct fifo_line *line)
{
	struct vip *vip = arg;
	char text[SAID_MAX];

	snprintf(text, sizeof(text), "keepalived: %s is %s", line->name,
		 line->state);
	vip->parts.says(vip->parts.arg, text);
	if (!vip->wish.wanted && strcmp(line->state, "MASTER") == 0)
		tell_keepalived(vip, false);
}

/* ---- the door ---- */

int vip_new(struct vip **ret_vip, const struct vip_parts *parts,
	    struct err *err)
{
	struct vip *vip;
	int r;

	*ret_vip = NULL;
	if (parts->set == NULL)
		return 0;
	vip = calloc(1, sizeof(*vip));
	if (vip == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	vip->parts = *parts;
	vip->announce.out = vip->announce.arp = vip->announce.nd = -1;
	vip->events = -1;
	vip->carrier_told = true;
	ev_init(&vip->on_events, on_events);
	ev_init(&vip->on_arp, on_frame);
	ev_init(&vip->on_nd, on_frame);
	ev_init(&vip->again, on_again);
	vip->on_events.data = vip->on_arp.data = vip->on_nd.data = vip;
	vip->again.data = vip;
	vip->orders = r = netlink_open(err);
	if (r >= 0)
		vip->events = r = netlink_open_events(err);
	if (r >= 0)
		r = find_interface(vip, err);
	/* It only tells: one that keepalived made as root is no reason to stop.
	 */
	if (r >= 0 && by_keepalived(vip) && parts->set->notify_fifo != NULL &&
	    fifo_new(&vip->fifo, parts->loop, parts->set->notify_fifo,
		     on_keepalived, vip, err) < 0)
		parts->says(parts->arg, err->text);
	if (r < 0) {
		vip_free(vip);
		return r;
	}
	*ret_vip = vip;
	return 0;
}

void vip_free(struct vip *vip)
{
	struct ev_loop *ev;

	if (vip == NULL)
		return;
	ev = loop_ev(vip->parts.loop);
	vip->watching = false;
	ev_timer_stop(ev, &vip->again);
	ev_io_stop(ev, &vip->on_events);
	ev_io_stop(ev, &vip->on_arp);
	ev_io_stop(ev, &vip->on_nd);
	fifo_free(vip->fifo);
	announce_close(&vip->announce);
	if (vip->orders >= 0)
		close(vip->orders);
	if (vip->events >= 0)
		close(vip->events);
	free(vip);
}

void vip_watch(struct vip *vip)
{
	if (vip == NULL)
		return;
	vip->watching = true;
	hear_from(vip, &vip->on_events, vip->events);
	hear_from(vip, &vip->on_arp, vip->announce.arp);
	hear_from(vip, &vip->on_nd, vip->announce.nd);
	look(vip);
}

int vip_take(struct vip *vip, struct instant until, struct err *err)
{
	int r;

	if (vip == NULL)
		return 0;
	r = find_interface(vip, err);
	if (r < 0)
		return r;
	if (!vip->interface.carrier)
		return err_set(err, -ENETDOWN, "%s has no carrier",
			       vip->parts.set->interface);
	if (by_keepalived(vip)) {
		vip_wish_take(&vip->wish, until,
			      instant_add(loop_clock(), GRACE_US));
		r = track_write(vip->parts.set->track_file, true, err);
		if (r < 0)
			vip->wish.wanted = false;
		return r;
	}
	/* Whoever has one of them answers while it is added: the lease says
	 * that nobody has, and waiting would keep clients waiting. */
	announce_send(&vip->announce, FRAME_ASK);
	vip_wish_take(&vip->wish, until, INSTANT_NONE);
	r = put_all(vip, err);
	if (r < 0) {
		vip_drop(vip, NULL);
		return r;
	}
	vip_announce(vip);
	return 0;
}

void vip_keep(struct vip *vip, struct instant until)
{
	struct err err;

	if (vip == NULL || !vip->wish.wanted)
		return;
	vip->wish.until = until;
	/* What is wrong shows on the interface, and is told from there. */
	if (vip_wish_renewable(&vip->wish, loop_clock()))
		put_all(vip, &err);
	else if (vip_wish_overdue(&vip->wish, loop_clock()))
		compare(vip);
}

int vip_drop(struct vip *vip, struct err *err)
{
	struct err later;
	int r = 0, removed = 0;

	if (vip == NULL)
		return 0;
	vip->wish.wanted = false;
	ev_timer_stop(loop_ev(vip->parts.loop), &vip->again);
	if (by_keepalived(vip))
		r = track_write(vip->parts.set->track_file, false, err);
	if (vip->interface.index != 0)
		removed = remove_all(vip, r < 0 ? &later : err);
	return r < 0 ? r : removed;
}

void vip_look(const struct vip *vip, struct vip_facts *ret_facts)
{
	unsigned i;

	*ret_facts = (struct vip_facts){ .known = vip != NULL };
	if (vip == NULL)
		return;
	ret_facts->held = true;
	for (i = 0; i < count_of(vip); i++)
		ret_facts->held = ret_facts->held && vip->shown[i] != 0;
	ret_facts->carrier = vip->interface.carrier;
	memcpy(ret_facts->differences, vip->differences,
	       sizeof(ret_facts->differences));
}
