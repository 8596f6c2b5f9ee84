/**
 * Names of natra's HTB classes: a program that writes one to `skb.priority` chooses the class (htb_classify,
 * net/sched/sch_htb.c). The packet keeps that priority on its way, so the minors are multiples of 16: to whoever looks
 * at the low four bits (pfifo_fast, mqprio) they are 0, the default.
 */

/** Handle of natra's root qdiscs, fq and HTB. */
export const ROOT_HANDLE = 0x6e740000;
/** The cap, for both others together. */
export const TOTAL_CLASS = ROOT_HANDLE + 0x10;
export const MOUSE_CLASS = ROOT_HANDLE + 0x20;
export const HEAVY_CLASS = ROOT_HANDLE + 0x30;

/** Of the queue below HEAVY_CLASS in which flows take turns. */
export const TURNS_HANDLE = 0x6e750000;
