import Core
import Testing

@testable import Wire

/// A trigger that waits for a failing receiver while its user is erased, and where a retry begins.
@Suite struct SinkErasureTests {
    @Test func whatFailedIsReadAgainBeforeItIsTriedAgain() async throws {
        let triggers = FakeTriggers(last: 4, cursors: ["$sink:crm": 0])
        let delivery = ScriptedDelivery(most: 2) { first, attempt in first == 3 && attempt < 4 }
        let rig = SinkRig(FakeSinkStore(triggers), delivery)
        await rig.runner.start()
        #expect(try await blocking { delivery.delivered.wait(for: 4) })
        // More is there by now; what failed is tried again as it was, then the rest.
        triggers.append(2)
        #expect(try await blocking { delivery.delivered.wait(for: 6) })
        await rig.runner.stop()
        #expect(delivery.attempted.all == [[1, 2], [3, 4], [3, 4], [3, 4], [3, 4], [5, 6]])
        // Each time from behind what was delivered.
        #expect(triggers.readAfter.all.count { $0 == 2 } == 3)
    }

    @Test(arguments: [(6, 2), (2, 5)])
    func aFailureOfTheVeryFirstBatchLosesAndRepeatsNothing(stored: Int64, oldest: Int64) async throws {
        // The cursor is as it was stored, or a new sink's, which begins with the oldest.
        let isNew = stored < oldest
        let triggers = FakeTriggers(
            oldest: oldest, last: 9, cursors: isNew ? [:] : ["$sink:crm": stored])
        let delivery = ScriptedDelivery(most: 2) { _, attempt in attempt < 3 }
        let rig = SinkRig(FakeSinkStore(triggers), delivery) { $0.start = .oldest }
        await rig.runner.start()
        let first = isNew ? oldest : stored + 1
        #expect(try await blocking { delivery.delivered.wait(for: Int(10 - first)) })
        await rig.runner.stop()
        #expect(delivery.delivered.all == Array(first...9))
        #expect(rig.runner.view().missed == 0)
        #expect(rig.runner.view().cursor == 9)
    }
}
