import Core

extension Zone {
    /// Central European time of 2024 and 2025, by hand.
    static let berlin = Zone(
        name: "Europe/Berlin",
        starts: [
            .min, 1_711_846_800_000_000, 1_729_990_800_000_000, 1_743_296_400_000_000, 1_761_440_400_000_000,
        ],
        offsets: [1, 2, 1, 2, 1].map { $0 * Microseconds.hour })

    /// Chile: the wall skips midnight of 2024-09-08 and shows the hour before 2024-04-07 twice.
    static let santiago = Zone(
        name: "America/Santiago", starts: [.min, 1_712_458_800_000_000, 1_725_768_000_000_000],
        offsets: [-3, -4, -3].map { $0 * Microseconds.hour })
}

extension Settings {
    /// The shipped defaults under the event clock.
    static func event(_ zone: Zone = .utc, _ change: (inout Settings) -> Void = { _ in }) -> Settings {
        var settings = Settings()
        settings.clock.mode = .event
        settings.clock.zone = zone
        // Its own tests turn it on: the plain timers know no items.
        settings.triggers.replenishDue.enabled = false
        change(&settings)
        return settings
    }

    /// Everything within hours, so that a few hundred events see each delay many times.
    static func brief(_ zone: Zone = .utc, _ change: (inout Settings) -> Void = { _ in }) -> Settings {
        event(zone) { settings in
            settings.clock.allowedLateness = 10 * Microseconds.second
            settings.sessions.shortGap = Microseconds.minute
            settings.sessions.longGap = 10 * Microseconds.minute
            settings.sessions.keep = 40 * Microseconds.minute
            settings.dedupe.window = 5 * Microseconds.minute
            settings.triggers.browseAbandoned.delay = 5 * Microseconds.minute
            settings.triggers.cartAbandoned.delay = 2 * Microseconds.minute
            settings.triggers.checkoutAbandoned.delay = Microseconds.minute
            settings.triggers.dormant.delay = 30 * Microseconds.minute
            settings.triggers.onboardingStalled.delay = 20 * Microseconds.minute
            settings.triggers.churned.delay = 25 * Microseconds.minute
            settings.triggers.winBack.delay = 70 * Microseconds.minute
            change(&settings)
        }
    }
}
