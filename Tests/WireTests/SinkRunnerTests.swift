import Core
import Testing

@testable import Wire

/// What goes out to a receiver: everything, in order, at least once, whatever the receiver does.
@Suite struct SinkRunnerTests {
    private static let cursor = "$sink:crm"

    @Test func aNewSinkBeginsWithWhatIsRecordedFromNowOn() async throws {
        let triggers = FakeTriggers(last: 7)
        let rig = SinkRig(FakeSinkStore(triggers), ScriptedDelivery())
        await rig.runner.start()
        // Its place is durable before anything else is recorded.
        #expect(triggers.stored.all == [7, 7] || triggers.stored.all == [7])
        triggers.append(5)
        let delivered = rig.delivery.delivered
        #expect(try await blocking { delivered.wait(for: 4) })
        // Number 10 is held out.
        #expect(delivered.all == [8, 9, 11, 12])
        await rig.runner.stop()
        #expect(triggers.stored.all.last == 12)
    }

    @Test func oneThatBeginsWithTheOldestGetsAllThatIsKept() async throws {
        let triggers = FakeTriggers(oldest: 4, last: 9)
        let rig = SinkRig(FakeSinkStore(triggers), ScriptedDelivery()) { $0.start = .oldest }
        await rig.runner.start()
        let delivered = rig.delivery.delivered
        #expect(try await blocking { delivered.wait(for: 6) })
        #expect(delivered.all == [4, 5, 6, 7, 8, 9])
        await rig.runner.stop()
    }

    @Test func aFailureIsTriedAgainAndTheOrderStays() async throws {
        let triggers = FakeTriggers(last: 40, stretch: 7, cursors: [Self.cursor: 0])
        let delivery = ScriptedDelivery { first, attempt in first % 3 == 1 && attempt < 4 }
        let rig = SinkRig(FakeSinkStore(triggers), delivery) { $0.includeHoldout = true }
        await rig.runner.start()
        #expect(try await blocking { delivery.delivered.wait(for: 40) })
        #expect(delivery.delivered.all == Array(1...40))
        await rig.runner.stop()
        let view = rig.runner.view()
        #expect(view.cursor == 40)
        #expect(view.delivered == 40)
        #expect(view.failures > 10)
        #expect(view.lastError == "scripted")
        #expect(view.state == .stopped)
        #expect(Int64(view.failures) == rig.counters.value(.sinkFailures))
    }

    @Test func theCursorNeverPassesWhatIsNotDelivered() async throws {
        let triggers = FakeTriggers(last: 9, cursors: [Self.cursor: 2])
        let delivery = ScriptedDelivery(most: 2) { first, _ in first == 7 }
        let rig = SinkRig(FakeSinkStore(triggers), delivery)
        await rig.runner.start()
        #expect(try await blocking { delivery.attempted.wait(for: 9) })
        await rig.runner.stop()
        #expect(delivery.delivered.all == [3, 4, 5, 6])
        #expect(triggers.stored.all.max() == 6)
        #expect(rig.runner.view().behind == 3)
    }

    @Test func aFilterPassesOverOtherTypesAndMovesTheCursor() async throws {
        let triggers = FakeTriggers(last: 21, cursors: [Self.cursor: 0])
        let rig = SinkRig(FakeSinkStore(triggers), ScriptedDelivery()) { $0.types = ["even"] }
        await rig.runner.start()
        let delivered = rig.delivery.delivered
        #expect(try await blocking { delivered.wait(for: 8) })
        #expect(delivered.all == [2, 4, 6, 8, 12, 14, 16, 18])
        await rig.runner.stop()
        #expect(triggers.stored.all.last == 21)
    }

    @Test func whatRetentionDroppedIsCountedAndToldAndTheRestIsDelivered() async throws {
        let triggers = FakeTriggers(oldest: 6, last: 8, cursors: [Self.cursor: 2])
        let rig = SinkRig(FakeSinkStore(triggers), ScriptedDelivery())
        await rig.runner.start()
        let delivered = rig.delivery.delivered
        #expect(try await blocking { delivered.wait(for: 3) })
        await rig.runner.stop()
        #expect(delivered.all == [6, 7, 8])
        #expect(rig.runner.view().missed == 3)
        #expect(rig.counters.value(.sinkMissed) == 3)
        #expect(rig.messages.all.contains { $0.hasPrefix("error: sink crm: triggers 3 to 5 were dropped") })
    }

    @Test func whatCannotBeDeliveredIsGivenUpAfterItsTimeAndNoSooner() async throws {
        let triggers = FakeTriggers(last: 6, cursors: [Self.cursor: 0])
        let clock = Microseconds.hour
        let delivery = ScriptedDelivery(most: 2, deadLetterAfter: clock) { first, _ in first == 3 }
        let store = FakeSinkStore(triggers, recordedAt: EventTime(microseconds: 1_735_689_600_000_000))
        let rig = SinkRig(store, delivery)
        await rig.runner.start()
        // 1 and 2 go, 3 and 4 fail again and again while time stands still.
        #expect(try await blocking { delivery.attempted.wait(for: 12) })
        #expect(store.buried.all.isEmpty)
        rig.clock.pass(clock)
        #expect(try await blocking { delivery.delivered.wait(for: 4) })
        await rig.runner.stop()
        #expect(store.buried.all == [[3, 4]])
        #expect(delivery.delivered.all == [1, 2, 5, 6])
        #expect(rig.runner.view().dead == 2)
        #expect(triggers.stored.all.last == 6)
    }

    @Test func aStoreOlderThanTheCursorIsToldAndGoneOnFrom() async throws {
        let triggers = FakeTriggers(last: 5, cursors: [Self.cursor: 90])
        let rig = SinkRig(FakeSinkStore(triggers), ScriptedDelivery())
        await rig.runner.start()
        triggers.append(2)
        let delivered = rig.delivery.delivered
        #expect(try await blocking { delivered.wait(for: 2) })
        #expect(delivered.all == [6, 7])
        await rig.runner.stop()
        #expect(rig.messages.all.contains { $0.contains("its cursor 90 is beyond the newest trigger, 5") })
    }
}
