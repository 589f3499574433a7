import Core
import Engine
import Models

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
            sequencer.salesWatch = SalesWatch(settings)
            sequencer.settle(sequencer.inForce(settings))
            sequencer.keeper.whenHeld(sequencer.ledger.position, completion)
        }
    }

    /// Under the wall clock refits are daily at 3:00 where nothing else is said. One that was due while the
    /// daemon was down is passed over.
    func scheduleByWall(_ models: Settings.ModelSettings) {
        guard isWall else { return }
        let schedule = models.schedule ?? Settings.Schedule(every: Microseconds.day)
        wallSchedule = schedule.every.map { RefitSchedule(every: $0, at: schedule.at) }
        let now = time.wall().microseconds
        nextWallRefit = nextInstant(after: now)
        driftCheck = models.driftCheck
        nextDriftCheck = driftCheck.map { now + $0 }
    }

    private func nextInstant(after now: Int64) -> Int64? {
        wallSchedule?.next(after: EventTime(microseconds: now), in: ledger.settings.zone).microseconds
    }

    /// Refits all models, one after the other, when the instant has come; intake goes on meanwhile.
    func refitByWall(_ now: Int64) {
        guard let instant = nextWallRefit, now >= instant, let trainer else { return }
        nextWallRefit = nextInstant(after: now)
        broughtForward = []
        refitInTurn(trainer.modelNames[...])
    }

    private func refitInTurn(_ names: ArraySlice<String>) {
        guard let name = names.first else { return }
        refit(name) { _ in
            self.enqueue { $0.refitInTurn(names.dropFirst()) }
        }
    }

    /// Looks whether the inputs of the models in use are still those they were fitted on, and whether what they
    /// foretold is what came; once between two scheduled refits one that has moved is fitted at once.
    func checkDrift(_ now: Int64) {
        guard let every = driftCheck, let instant = nextDriftCheck, now >= instant, let trainer else {
            return
        }
        nextDriftCheck = now + every
        checkDriftInTurn(trainer.modelNames[...])
    }

    private func checkDriftInTurn(_ names: ArraySlice<String>) {
        guard let name = names.first, let trainer, !isClosed else { return }
        let state = ledger.models[name] ?? Ledger.ModelState()
        guard state.adopted > 0, !broughtForward.contains(name) else {
            return checkDriftInTurn(names.dropFirst())
        }
        let order = FitOrder(
            name: name, version: state.adopted, instant: ledger.clock.now, scheduled: false, previous: [],
            previousVersion: state.adopted, churnHorizon: ledger.settings.outcomes.churnHorizon)
        trainer.drift(order) { drift in
            self.enqueue { sequencer in
                sequencer.take(drift, of: name)
                sequencer.checkDriftInTurn(names.dropFirst())
            }
        }
    }

    private func take(_ drift: ModelDrift, of name: String) {
        counters.add(.driftChecks)
        guard let alarm = drift.alarm else { return }
        counters.add(.driftRefits)
        broughtForward.insert(name)
        log.info("models: \(name) is fitted ahead of its time: \(alarm)")
        refit(name) { _ in }
    }
}
