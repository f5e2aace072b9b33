"""What a person is to do about each condition, in one plain sentence; English and Norwegian.

The Norwegian was not yet reviewed by a nurse.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Action:
    """One sentence in both languages."""

    english: str
    norwegian: str


_LOOK = Action(
    "Go to the patient; check breathing, circulation and the sensor.",
    "Gå til pasienten; kontroller pust, sirkulasjon og sensor.",
)
_CLIMB = Action(
    "Look at the patient; wait with the next step, or have the dose lowered.",
    "Se til pasienten; vent med neste trinn, eller få dosen senket.",
)
_REPEAT = Action("Go to the patient and repeat the measurement.", "Gå til pasienten og ta målingen på nytt.")
_AT_PUMP = Action("Go to the pump and read its display.", "Gå til pumpen og les displayet.")
_AT_DEVICE = Action("Go to the device and read its display.", "Gå til apparatet og les displayet.")

ACTIONS = {
    "DOSE_RATE_HIGH": Action(
        "Check the pump: rate, concentration and weight. Stop the infusion if the dose is not meant.",
        "Sjekk pumpen: hastighet, konsentrasjon og vekt. Stopp infusjonen hvis dosen ikke er ment.",
    ),
    "DOSE_RATE_LOW": Action(
        "Check that the pump runs at the ordered step and that the line is open.",
        "Kontroller at pumpen går på forordnet trinn og at slangen er åpen.",
    ),
    "DOSE_STEP_HIGH": Action(
        "Go to the patient; set the pump back to the step before if the rise is not meant.",
        "Gå til pasienten; still pumpen tilbake til forrige trinn hvis økningen ikke er ment.",
    ),
    "DOSE_TOGETHER_HIGH": Action(
        "Check both pumps: they give the same drug. Stop one if that is not meant.",
        "Kontroller begge pumpene: de gir samme legemiddel. Stopp den ene hvis det ikke er ment.",
    ),
    "DOSE_MASS_RATE_HIGH": Action(
        "Check the patient's weight, then the pump: rate and concentration.",
        "Kontroller pasientens vekt, deretter pumpen: hastighet og konsentrasjon.",
    ),
    "DOSE_CUMULATIVE_HIGH": Action(
        "Stop the infusion: the patient has had the dose of this treatment. Look at breathing and circulation.",
        "Stopp infusjonen: pasienten har fått dosen for denne behandlingen. Kontroller pust og sirkulasjon.",
    ),
    "DOSE_24H_HIGH": Action(
        "Stop the infusion, and ask the doctor: the patient has had the dose of a day.",
        "Stopp infusjonen, og spør legen: pasienten har fått dosen for et døgn.",
    ),
    "DOSE_BOLUS_HIGH": Action(
        "Go to the patient: look at breathing and circulation. Ask who gave the bolus, and whether it was meant.",
        "Gå til pasienten: kontroller pust og sirkulasjon. Spør hvem som ga bolusen, og om den var ment.",
    ),
    "DURATION_HIGH": Action(
        "Ask whether the infusion is to go on: it takes longer than planned.",
        "Spør om infusjonen skal fortsette: den varer lenger enn planlagt.",
    ),
    "DOSE_UNCERTAIN": Action(
        "Read the volume infused at the pump, and enter how many mg were given in all.",
        "Les av infundert volum på pumpen, og legg inn hvor mange mg som er gitt i alt.",
    ),
    "FREE_FLOW": Action(
        "Go to the pump at once: clamp the line. Then look at the patient.",
        "Gå til pumpen straks: klem av slangen. Se deretter til pasienten.",
    ),
    "FLOW_WHILE_STOPPED": Action(
        "Go to the pump at once: clamp the line, and take the pump out of use.",
        "Gå til pumpen straks: klem av slangen, og ta pumpen ut av bruk.",
    ),
    "FLOW_MISMATCH": Action(
        "Look at the pump, the syringe and the line: it does not deliver what it shows.",
        "Sjekk pumpen, sprøyten og slangen: den leverer ikke det den viser.",
    ),
    "EXTRA_VOLUME": Action(
        "Go to the patient: a bolus came when the line was opened. Look at breathing and circulation.",
        "Gå til pasienten: en bolus kom da slangen ble åpnet. Kontroller pust og sirkulasjon.",
    ),
    "INFUSION_PAUSED": Action(
        "Start the infusion again, or end the treatment.", "Start infusjonen igjen, eller avslutt behandlingen."
    ),
    "SYRINGE_CHANGE": Action(
        "Put the new syringe in: same drug, same concentration? Then start the pump.",
        "Sett inn den nye sprøyten: samme legemiddel, samme konsentrasjon? Start så pumpen.",
    ),
    "SYRINGE_UNCONFIRMED": Action(
        "Read the syringe's label. Same drug, same concentration? Confirm it; if not, stop the pump, and have the order"
        " changed.",
        "Les sprøytens etikett. Samme legemiddel, samme konsentrasjon? Bekreft det; hvis ikke, stopp pumpen, og få"
        " forordningen endret.",
    ),
    "ORDER_EXCEEDED": Action(
        "Compare the pump with the order; set the pump, or have the order changed.",
        "Sammenlign pumpen med forordningen; still pumpen, eller få forordningen endret.",
    ),
    "ORDER_MISMATCH": Action(
        "Compare drug, concentration and weight at the pump with the order and with the syringe's label.",
        "Sammenlign legemiddel, konsentrasjon og vekt på pumpen med forordningen og med sprøytens etikett.",
    ),
    "STEP_UNCONFIRMED": Action(
        "Confirm the new step, or set the pump back.", "Bekreft det nye trinnet, eller still pumpen tilbake."
    ),
    "HR_CLIMBING": _CLIMB,
    "BP_CLIMBING": _CLIMB,
    "HR_HIGH": _LOOK,
    "HR_LOW": _LOOK,
    "BP_SYS_HIGH": _REPEAT,
    "BP_SYS_LOW": _REPEAT,
    "BP_DIA_HIGH": _REPEAT,
    "BP_DIA_LOW": _REPEAT,
    "BP_MEAN_HIGH": _REPEAT,
    "BP_MEAN_LOW": _REPEAT,
    "SPO2_LOW": Action(
        "Go to the patient; open the airway, look for secretions, give oxygen as ordered.",
        "Gå til pasienten; åpne luftveien, se etter sekret, gi oksygen etter forordning.",
    ),
    "RR_HIGH": _LOOK,
    "RR_LOW": Action(
        "Go to the patient; check breathing and the airway.", "Gå til pasienten; kontroller pust og luftvei."
    ),
    "DATA_FROZEN": Action(
        "Go to the device: read its own display, and switch it off and on, or change it, if it stands still.",
        "Gå til apparatet: les av displayet, og slå det av og på, eller bytt det, hvis det står stille.",
    ),
    "CHOKING": Action(
        "Go to the patient at once: open the airway, suction, give oxygen, call for help.",
        "Gå til pasienten straks: åpne luftveien, sug, gi oksygen, tilkall hjelp.",
    ),
    "SEDATION_DEEP": Action(
        "Go to the patient: check airway and breathing, stop or slow the infusion, call the doctor.",
        "Gå til pasienten: kontroller luftvei og pust, stopp eller senk infusjonen, tilkall legen.",
    ),
    "FLOW_IN_RECOVERY": Action(
        "Go to the pump: stop it, or enter the order again if the infusion is to go on.",
        "Gå til pumpen: stopp den, eller legg inn forordningen på nytt hvis infusjonen skal fortsette.",
    ),
    "OBSERVATION_OVERDUE": Action(
        "Make the observation round: airway, sedation, anxiety, nausea, pain.",
        "Ta observasjonsrunden: luftvei, sedasjon, angst, kvalme, smerte.",
    ),
    "PATIENT_UNWATCHED": Action(
        "Go to the patient: nobody watches the bed. Put it back into the configuration, or close the therapy.",
        "Gå til pasienten: ingen overvåker sengen. Legg den tilbake i konfigurasjonen, eller avslutt behandlingen.",
    ),
    "HR_MISSING": Action("Check the electrodes and the monitor.", "Kontroller elektrodene og monitoren."),
    "SPO2_MISSING": Action("Check the finger sensor.", "Kontroller fingersensoren."),
    "RR_MISSING": Action("Check the electrodes; count the breaths.", "Kontroller elektrodene; tell pusten."),
    "HR_SOURCES_DISAGREE": Action(
        "Feel the pulse, and check the electrodes and the finger sensor.",
        "Kjenn på pulsen, og kontroller elektrodene og fingersensoren.",
    ),
    "NIBP_OVERDUE": Action(
        "Take a cuff pressure now, and check the monitor's cuff interval.",
        "Ta et blodtrykk nå, og kontroller monitorens måleintervall.",
    ),
    "PUMP_LINK_LOST": Action(
        "Look at the pump itself: it is not being watched. Check its cable.",
        "Se på selve pumpen: den overvåkes ikke. Kontroller kabelen.",
    ),
    "MONITOR_LINK_LOST": Action(
        "Look at the monitor itself: it is not being watched. Check its cable.",
        "Se på selve monitoren: den overvåkes ikke. Kontroller kabelen.",
    ),
    "DOSE_INPUT_MISSING": Action(
        "Look at the pump itself: its rate cannot be read.", "Se på selve pumpen: hastigheten kan ikke leses."
    ),
    "ORDER_MISSING": Action(
        "Enter the order: the dose of a running pump cannot be reckoned without it.",
        "Legg inn forordningen: uten den kan dosen fra en pumpe som går ikke beregnes.",
    ),
    "CHANNEL_UNBOUND": Action(
        "A pump that belongs to no bed is running: tell the technician which bed it serves.",
        "En pumpe som ikke hører til noen seng går: si til teknikeren hvilken seng den brukes ved.",
    ),
    "DEVICE_IDENTITY_CHANGED": Action(
        "Check which device is connected at this bed; its readings do not count until then.",
        "Kontroller hvilket apparat som er koblet til ved sengen; målingene teller ikke før det.",
    ),
    "IDENTITY_UNCONFIRMED": Action(
        "Compare the serial number on the device, and confirm that it belongs to this bed.",
        "Sammenlign serienummeret på apparatet, og bekreft at det hører til denne sengen.",
    ),
    "LINE_ERRORS": Action(
        "Check cable, plugs and the device's serial settings.",
        "Kontroller kabel, plugger og apparatets serieinnstillinger.",
    ),
    "STATION_NOT_DISPLAYING": Action(
        "Look at the beds that are named: no screen shows them. Open the ward's page, and check its sound.",
        "Se til sengene som er nevnt: ingen skjerm viser dem. Åpne avdelingens side, og kontroller lyden.",
    ),
    "NORTHBOUND_LOST": Action(
        "Go to the beds that are named: no screen shows their alarms. Call the technician: network or broker.",
        "Gå til sengene som er nevnt: ingen skjerm viser alarmene deres. Tilkall teknikeren for nettverk og megler.",
    ),
    "STORE_FAILED": Action(
        "Check the disk: alarms go on, but would not survive a restart.",
        "Kontroller disken: alarmene virker, men vil ikke overleve en omstart.",
    ),
    "STORE_DAMAGED": Action(
        "Look at every bed: alarms may be missing. Keep the damaged file; check the disk.",
        "Se til hver seng: alarmer kan mangle. Ta vare på den skadde filen; kontroller disken.",
    ),
    "STORE_NOT_READ": Action(
        "Look at every bed: alarms and orders of before may be missing. Call the technician: the disk cannot be read.",
        "Se til hver seng: tidligere alarmer og forordninger kan mangle. Tilkall teknikeren: disken kan ikke leses.",
    ),
    "DISK_NEARLY_FULL": Action(
        "Make room on the disk that is named: when it is full, alarms go on, but would not survive a restart.",
        "Frigjør plass på disken som er nevnt: når den er full, virker alarmene, men vil ikke overleve en omstart.",
    ),
    "PUBLISH_REFUSED": Action(
        "Check the broker's access list for this edge.", "Kontroller meglerens tilgangsliste for denne enheten."
    ),
    "NAME_TAKEN": Action(
        "Watch the beds that are named at their own monitors. Call the technician: each edge needs a name of its own.",
        "Følg med på sengene som er nevnt, på egne monitorer. Tilkall teknikeren: hver enhet må ha sitt eget navn.",
    ),
    "CERTIFICATE_ENDS": Action(
        "Renew the certificate that is named, and replace its file: it counts at the next connection.",
        "Forny sertifikatet som er nevnt, og bytt filen: det gjelder fra neste tilkobling.",
    ),
    "CONFIG_INVALID": Action(
        "Correct the configuration (infusion-edge check-config) and load it (systemctl reload infusion-edge): until "
        "then the one before counts.",
        "Rett konfigurasjonen (infusion-edge check-config) og last den inn (systemctl reload infusion-edge): til da "
        "gjelder den forrige.",
    ),
    "BED_NOT_WATCHED": Action(
        "Watch the beds that are named at their own devices: this computer does not. Call the technician.",
        "Følg med på sengene som er nevnt, på deres egne apparater: denne maskinen gjør det ikke. Tilkall teknikeren.",
    ),
    "CLOCK_UNSYNCED": Action(
        "Check the network's time server: times of day in the history may be wrong.",
        "Kontroller nettverkets tidstjener: klokkeslett i historikken kan være feil.",
    ),
    "CLOCK_STEP": Action(
        "Nothing at the bed: times of day before and after this moment do not fit together.",
        "Ingenting ved sengen: klokkeslett før og etter dette øyeblikket passer ikke sammen.",
    ),
    "ANNUNCIATOR_FAILED": Action(
        "Rely on the screen: lamp, buzzer and button at the bedside computer do not work. Call the technician.",
        "Stol på skjermen: lampe, summer og knapp ved sengens datamaskin virker ikke. Tilkall teknikeren.",
    ),
    "BUTTON_STUCK": Action(
        "Free the button at the bedside computer. Take alarms on the screen.",
        "Løsne knappen ved sengens datamaskin. Kvitter alarmer på skjermen.",
    ),
    "CALL_HOOK_FAILED": Action(
        "Run the command of the nurse call by hand, and mend it; its next run that succeeds ends this.",
        "Kjør kommandoen for pasientanropet for hånd, og rett feilen; neste vellykkede kjøring avslutter denne.",
    ),
    "TEST_ALARM": Action("Nothing: this is a test.", "Ingenting: dette er en prøve."),
    "FOREIGN": Action(
        "Look at the bed and its devices: another version of this service raised this alarm. Then reset it.",
        "Se til sengen og apparatene: en annen versjon av tjenesten ga denne alarmen. Nullstill den etterpå.",
    ),
    "DEVICE_OCCLUSION_DOWNSTREAM": Action(
        "Go to the pump: open the line below it, and mind the bolus that is set free.",
        "Gå til pumpen: åpne slangen nedenfor den, og pass på bolusen som slippes løs.",
    ),
    "DEVICE_OCCLUSION_UPSTREAM": Action(
        "Go to the pump: open the line above it.", "Gå til pumpen: åpne slangen ovenfor den."
    ),
    "DEVICE_AIR_IN_LINE": Action("Go to the pump: remove the air.", "Gå til pumpen: fjern luften."),
    "DEVICE_NO_FLOW": _AT_PUMP,
    "DEVICE_FREE_FLOW": Action("Go to the pump at once: clamp the line.", "Gå til pumpen straks: klem av slangen."),
    "DEVICE_DOOR_OPEN": _AT_PUMP,
    "DEVICE_SYRINGE": _AT_PUMP,
    "DEVICE_RESERVOIR_EMPTY": _AT_PUMP,
    "DEVICE_RESERVOIR_NEAR_EMPTY": Action("Prepare the next syringe.", "Gjør klar neste sprøyte."),
    "DEVICE_INFUSION_COMPLETE": _AT_PUMP,
    "DEVICE_INFUSION_NEAR_END": Action("Prepare the end of the infusion.", "Gjør klar for slutten på infusjonen."),
    "DEVICE_KVO_ACTIVE": _AT_PUMP,
    "DEVICE_KVO_ENDED": _AT_PUMP,
    "DEVICE_STANDBY_EXPIRED": _AT_PUMP,
    "DEVICE_BATTERY_LOW": Action("Connect the device to the mains.", "Koble apparatet til strømnettet."),
    "DEVICE_BATTERY_EMPTY": Action(
        "Connect the device to the mains at once, and look whether it still works.",
        "Koble apparatet til strømnettet straks, og se om det fortsatt virker.",
    ),
    "DEVICE_MALFUNCTION": _AT_DEVICE,
    "DEVICE_ADVISORY": _AT_DEVICE,
    "DEVICE_SENSOR_OFF": Action(
        "Check the electrodes, the sensor and its cable.", "Kontroller elektrodene, sensoren og kabelen."
    ),
    "DEVICE_VITAL_SIGN": _LOOK,
    "DEVICE_LIFE_THREATENING": Action(
        "Go to the patient at once; check breathing and circulation.",
        "Gå til pasienten straks; kontroller pust og sirkulasjon.",
    ),
    "DEVICE_UNKNOWN": _AT_DEVICE,
}
"""By condition name; ``FOREIGN`` stands for one that this version does not know."""
