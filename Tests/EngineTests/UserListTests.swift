import Core
import Engine
import Testing

@testable import EngineSupport

/// A list of users that mixes moments.
struct UserListTests {
    @Test(arguments: [1, 7, 1000])
    func `a list shows users as they were when it was opened`(piece: Int) async throws {
        let settings = Settings.brief()
        var shape = LogShape(settings)
        shape.users = 60
        shape.events = 900
        let log = randomLog(shape, seed: 1)
        var rig = try Rig(settings, shards: 2)
        try await rig.take(Array(log[..<300]))
        var expected: [String: String] = [:]
        for user in Set(log.map(\.user)) {
            if let view = await rig.view(user) { expected[user] = String(describing: view) }
        }
        let names = rig.ledger.names
        for shard in rig.shards { await shard.openList(9, names: names) }
        var listed: [String: String] = [:]
        var next = 300
        for shard in rig.shards {
            while true {
                let users = await shard.readList(9, piece)
                if users.isEmpty { break }
                #expect(users.count <= piece)
                for view in users {
                    let user = String(decoding: view.user, as: UTF8.self)
                    #expect(
                        listed.updateValue(String(describing: view), forKey: user) == nil, "twice: \(user)")
                }
                // Users change and new ones come while it is read.
                if next < log.count {
                    try await rig.take(Array(log[next..<min(log.count, next + 50)]))
                    next += 50
                }
            }
            await shard.closeList(9)
        }
        #expect(listed.keys.sorted() == expected.keys.sorted())
        // Now moves on, and with it what is counted back from today: the rest is as it was.
        for (user, view) in expected { #expect(listed[user] == view, "\(user)") }
    }
}
