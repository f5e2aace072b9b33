/** What can open over the beds, by name. */

import { ask } from "./ask.js";
import { baseline } from "./baseline.js";
import { limits } from "./limits.js";
import { login } from "./login.js";
import { observe } from "./observe.js";
import { order } from "./order.js";
import { dose, line, role } from "./pump-forms.js";

export const PANELS = { ask, baseline, dose, limits, line, login, observe, order, role };
