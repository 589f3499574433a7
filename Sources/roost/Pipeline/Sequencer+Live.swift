import Core
import Engine

// What the settings say about a running daemon: their change, and refits by the wall clock.

extension Sequencer {
    /// Puts changed settings in force between two records.
    ///
    /// - Parameter settings: differ from those in force in what can change live only.
    /// - Parameter completion: is called when they are on disk and every shard decides by them.
    nonisolated func reload(_ settings: Settings, completion: @escaping @Sendable () -> Void) {
        enqueue { sequencer in
            sequencer.trainer?.take(settings.models)
            sequencer.scheduleByWall(settings.models)
            let changed = EngineSettings(settings)
            if sequencer.ledger.settings != changed { sequencer.append(.settings(changed)) }
            sequencer.keeper.whenHeld(sequencer.ledger.position, completion)
        }
    }

    /// Under the wall clock refits are daily at 3:00 where nothing else is said. One that was due while the
    /// daemon was down is passed over.
    func scheduleByWall(_ models: Settings.ModelSettings) {
        guard isWall else { return }
        let schedule = models.schedule ?? Settings.Schedule(every: Microseconds.day)
        wallSchedule = schedule.every.map { RefitSchedule(every: $0, at: schedule.at) }
        nextWallRefit = nextInstant(after: time.wall().microseconds)
    }

    private func nextInstant(after now: Int64) -> Int64? {
        wallSchedule?.next(after: EventTime(microseconds: now), in: ledger.settings.zone).microseconds
    }

    /// Refits all models, one after the other, when the instant has come; intake goes on meanwhile.
    func refitByWall(_ now: Int64) {
        guard let instant = nextWallRefit, now >= instant, let trainer else { return }
        nextWallRefit = nextInstant(after: now)
        refitInTurn(trainer.modelNames[...])
    }

    private func refitInTurn(_ names: ArraySlice<String>) {
        guard let name = names.first else { return }
        refit(name) { _ in
            self.enqueue { $0.refitInTurn(names.dropFirst()) }
        }
    }
}
