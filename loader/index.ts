/** What the loader offers: describe -> load -> pin -> attach, and all of it back. */

export {
  type Attachment,
  type ClsactAttachment,
  type FqAttachment,
  type Hook,
  type HtbAttachment,
  type Journal,
  type NetnsReference,
  type Target,
  type TcxAttachment,
  targetOf,
} from './attach/attachment.ts';
export { attachFq, detachFq, type FqRequest } from './attach/fq.ts';
export {
  attachHtb,
  changeHtb,
  detachHtb,
  type HtbOptions,
  type HtbQueue,
  type HtbRates,
  type HtbRequest,
  hasQueues,
  htbRates,
} from './attach/htb.ts';
export {
  type AttachRequest,
  attach,
  attachedProgram,
  attaching,
  detach,
  type Place,
  replaceProgram,
} from './attach/index.ts';
export { isDeviceThere, referenceTo } from './attach/namespace.ts';
export { type AtHook, earlierThan, programsAt } from './attach/order.ts';
export { isNatras } from './attach/root-qdisc.ts';
export { tcxAttachment, tcxAttachType } from './attach/tcx.ts';
export { LEAST_PACKET_BYTES } from './attach/turns.ts';
export { BPFFS, ensureBpffs } from './bpf/bpffs.ts';
export { linkInfo, listIds, mapInfo, type ObjectKind, openById, programInfo } from './bpf/info.ts';
export { type InstructionSet, kernelInstructionSet } from './bpf/instruction-set.ts';
export { type AttachedPrograms, queryTcx, updateLink } from './bpf/link.ts';
export { createMap, MapHandle } from './bpf/map.ts';
export type { VerifierStatistics } from './bpf/statistics.ts';
export { type TestRunInput, type TestRunOutput, testRun } from './bpf/testrun.ts';
export { isErrno, KernelError, VerifierError } from './errors.ts';
export { FEATURES, type Feature, type FeatureState, probe } from './features.ts';
export { execute } from './native/execute.ts';
export {
  closeDescriptor,
  listDirectory,
  makeDirectory,
  openRead,
  removeDirectory,
  removeFile,
  tryFileLock,
} from './native/files.ts';
export { leave, type SyscallHook, type SyscallName, setSyscallHook } from './native/syscall.ts';
export { inThreads, inTurn, together, type Work } from './native/work.ts';
export { type Direction, type Filter, listFilters } from './netlink/filters.ts';
export { deleteLink, findLink, type Link, listLinks, netnsidOf } from './netlink/links.ts';
export { addPair } from './netlink/pairs.ts';
export {
  addRootFq,
  deleteRootQdisc,
  type FqOptions,
  HANDLE,
  lacksFq,
  listQdiscs,
  type Qdisc,
  rootQdisc,
} from './netlink/qdiscs.ts';
export { RouteSocket } from './netlink/socket.ts';
export {
  inNetns,
  inNewNetns,
  inOptionalNetns,
  isOwnNetns,
  moveToNewNetns,
  netnsIdentity,
  OWN_NETNS,
  ownNetnsIdentity,
} from './netns/netns.ts';
export { type LoadedProgram, type LoadOptions, loadingProgram, loadProgram } from './object/load.ts';
export { isSameProgram } from './object/same.ts';
export { readVariable, type Settings, sectionContents } from './object/sections.ts';
export { decodeStruct, encodeInto, encodeStruct, type StructValue, type Value } from './object/values.ts';
export {
  finishMove,
  linkPath,
  listPins,
  movePins,
  type OpenedPins,
  openPins,
  type PinPlace,
  pinAll,
  pinnedDevice,
  pinnedProgram,
  removePins,
} from './pin/pins.ts';
export type { PinnedDevice } from './pin/program-name.ts';
