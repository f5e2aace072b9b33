/** What can open over the beds, by name. */

import { ask } from "./ask.js";
import { login } from "./login.js";
import { observe } from "./observe.js";
import { order } from "./order.js";

export const PANELS = { ask, login, observe, order };
