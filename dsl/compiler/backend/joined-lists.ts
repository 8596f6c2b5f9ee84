/** Lists of small numbers that are appended to each other, such as the moves of registers that become one. */

const NONE = -1;

/**
 * Lists by their numbers, with members that are each on one of them at most. To append a list to another takes the same time
 * however long they are; a member is looked at again only as long as it is kept.
 */
export class JoinedLists {
  private readonly heads: Int32Array;
  private readonly tails: Int32Array;
  private readonly next: Int32Array;

  /** For lists below `limit` of members below `members`. */
  constructor(limit: number, members: number) {
    this.heads = new Int32Array(limit).fill(NONE);
    this.tails = new Int32Array(limit).fill(NONE);
    this.next = new Int32Array(members).fill(NONE);
  }

  private append(list: number, head: number, tail: number): void {
    const last = this.tails[list] ?? NONE;
    if (last === NONE) this.heads[list] = head;
    else this.next[last] = head;
    this.tails[list] = tail;
  }

  push(list: number, member: number): void {
    this.append(list, member, member);
  }

  /** Appends `from`, which is empty then, to another list. */
  join(list: number, from: number): void {
    const head = this.heads[from] ?? NONE;
    if (head === NONE) return;
    this.append(list, head, this.tails[from] ?? NONE);
    this.heads[from] = NONE;
    this.tails[from] = NONE;
  }

  /** The first member that is to be kept. Those before it are taken off the list. */
  first(list: number, keep: (member: number) => boolean): number | undefined {
    let head = this.heads[list] ?? NONE;
    while (head !== NONE && !keep(head)) head = this.next[head] ?? NONE;
    this.heads[list] = head;
    if (head === NONE) this.tails[list] = NONE;
    return head === NONE ? undefined : head;
  }

  /** The members that are to be kept, in their order. All others are taken off the list. */
  kept(list: number, keep: (member: number) => boolean = () => true): readonly number[] {
    const members: number[] = [];
    for (let at = this.heads[list] ?? NONE; at !== NONE; at = this.next[at] ?? NONE)
      if (keep(at)) members.push(at);
    this.heads[list] = NONE;
    this.tails[list] = NONE;
    for (const member of members) {
      this.next[member] = NONE;
      this.push(list, member);
    }
    return members;
  }
}
