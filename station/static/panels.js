/** What can open over the beds, by name. */

import { ask } from "./ask.js";
import { baseline } from "./baseline.js";
import { limits } from "./limits.js";
import { connect, flush } from "./line-forms.js";
import { login } from "./login.js";
import { observe } from "./observe.js";
import { order } from "./order.js";
import { patient } from "./patient.js";
import { dose, line, role } from "./pump-forms.js";
import { accept, service } from "./service.js";
import { settle } from "./settle.js";

export const PANELS = { accept, ask, baseline, connect, dose, flush, limits, line, login, observe, order, patient, role, service, settle };
