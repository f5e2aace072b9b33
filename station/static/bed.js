/** One bed, whole. */
import { h } from "./dom.js";
import { alarmList } from "./overview.js";
export function bedPage(page) {
  return h("main", { class: "ward bed-page", key: "bed", id: "main" }, h("div", {class:"bed-body", key:"body"}), alarmList(page));
}
