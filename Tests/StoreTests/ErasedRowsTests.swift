import Core
import Store
import Testing

@testable import StoreSupport

/// An id that stays in a database's pages, its log or its free pages.
struct ErasedRowsTests {
    private let key = HashKey(k0: 1, k1: 2)
    private let id = "customer-of-its-own-77"

    private func found(_ id: String, in directory: borrowing TemporaryDirectory) throws -> Int64 {
        let disk = DiskFileSystem()
        let search = ByteSearch(fileSystem: disk)
        let path = directory.path
        return try disk.list(path).reduce(0) {
            $0 + (try search.count([Array(id.utf8)], in: "\(path)/\($1)").found[0])
        }
    }

    private func erase(
        _ users: [String: Int64], in outbox: inout Outbox
    ) throws -> [String: Int64] {
        var counts: [String: Int64] = [:]
        var next: Int64? = 0
        while let from = next {
            let step = try outbox.erase(
                Dictionary(uniqueKeysWithValues: users.map { (Array($0.key.utf8), $0.value) }), from: from)
            for (user, count) in step.erased {
                counts[String(decoding: user, as: UTF8.self), default: 0] += count
            }
            next = step.next
        }
        return counts
    }

    @Test func `erased triggers keep their numbers, and later ones of the id stay`() throws {
        let directory = try TemporaryDirectory()
        var outbox = try Outbox.open(path: directory.path + "/outbox.db")
        let triggers = (0..<100).map { trigger($0 % 4 == 0 ? id : "other-\($0)", at: 1000 + Int64($0)) }
        try outbox.append(through: 1, triggers: [(1, triggers)], wallNow: wallStart)
        #expect(try erase([id: 50, "nobody": 100], in: &outbox) == [id: 13])
        let all = try lines(outbox, filter: everything)
        #expect(numbers(all) == Array(1...100))
        for (index, line) in all.enumerated() {
            let isErased = index % 4 == 0 && index < 50
            #expect((line["type"] == .string("erased")) == isErased)
            #expect((line["user"] == nil) == isErased)
        }
        #expect(try erase([id: 50], in: &outbox) == [:])
        #expect(try erase([id: .max], in: &outbox) == [id: 12])
        #expect(try erase([id: .max], in: &outbox) == [:])
    }

    @Test func `nothing of an erased user is in the file, what was pruned before included`() throws {
        let directory = try TemporaryDirectory()
        var outbox = try Outbox.open(path: directory.path + "/outbox.db")
        for record in 1...40 as ClosedRange<UInt64> {
            let triggers = (0..<500).map { number in
                var trigger = trigger(number % 9 == 0 ? id : "other-\(number)", at: Int64(record) * 1000)
                trigger.message = String(repeating: "words ", count: number % 200)
                return trigger
            }
            try outbox.append(through: record, triggers: [(record, triggers)], wallNow: wallStart)
        }
        while try outbox.prune(wallNow: wallStart, age: testDay, count: 9_000) {}
        #expect(try found(id, in: directory) > 0)
        _ = try erase([id: outbox.last], in: &outbox)
        while try outbox.overwriteFreePages() {}
        #expect(try outbox.emptyLog())
        if try found(id, in: directory) > 0 {
            try outbox.vacuum()
            #expect(try outbox.emptyLog())
        }
        #expect(try found(id, in: directory) == 0)
        #expect(try found("other-100", in: directory) > 0)
        #expect(numbers(try lines(outbox, filter: everything)) == Array(11_001...20_000))
    }

    @Test func `free pages are overwritten without the file growing`() throws {
        let directory = try TemporaryDirectory()
        let database = try Database.open(path: directory.path + "/a.db")
        try database.execute("CREATE TABLE a (b BLOB)")
        let insert = try database.prepare("INSERT INTO a VALUES (?)")
        let row = Array((0..<900).flatMap { _ in Array(id.utf8) })
        try database.begin()
        for _ in 0..<1000 {
            try insert.bind(1, blob: row)
            try insert.run()
        }
        try database.commit()
        try database.execute("DELETE FROM a")
        #expect(try database.emptyLog())
        let file = try DiskFileSystem().open(directory.path + "/a.db", .read)
        let size = try file.size()
        #expect(try found(id, in: directory) > 0)
        var steps = 0
        while try database.overwriteFreePages() { steps += 1 }
        #expect(steps > 0)
        #expect(try database.emptyLog())
        #expect(try found(id, in: directory) == 0)
        #expect(try file.size() <= size + 8 * 4096)
        #expect(try database.prepare("SELECT count(*) FROM sqlite_schema").firstInteger() == 1)
        #expect(try database.prepare("PRAGMA integrity_check").firstInteger() == 0)
    }

    // MARK: Dead letters

    private func letters(_ raw: [String], in path: String) throws -> DeadLetters {
        var letters = try DeadLetters.open(path: path)
        let rejections = raw.enumerated().map {
            Rejection(
                line: UInt32($0.offset), code: .badField, detail: "line \($0.offset)",
                raw: Array($0.element.utf8))
        }
        _ = try letters.append([
            DeadLetters.Batch(record: 1, producer: nil, rejections: rejections, receivedAt: wallStart)
        ])
        return letters
    }

    @Test func `letters that speak of an erased user are emptied, others stay`() throws {
        let directory = try TemporaryDirectory()
        let speaking = [
            #"{"user_id":"u-1"}"#, #"{"nested":[{"who":"u-1"}]}"#, #"{"user_id":"\u0075-1"}"#,
            #"{"user_id":"u-1","ts"#, "u-1", #"x=u-1;"#, #"{"user_id":4711}"#, #"{"id":4711,"#,
        ]
        let silent = [
            #"{"user_id":"u-10"}"#, #"{"user_id":"xu-1"}"#, #"{"user_id":"u-1.5"}"#, "",
            #"{"user_id":14711}"#,
            #"{"a":"47 11"}"#, "u-11",
        ]
        var letters = try letters(speaking + silent, in: directory.path + "/deadletters.db")
        let users = ["u-1", "4711"].map { Array($0.utf8) }
        let matcher = ErasureMatcher(users.map { (key.erasureMark(of: $0), $0) }, key: key)
        let step = try letters.erase(matcher, bounds: [100, 100], from: 0)
        #expect(step.next == nil)
        #expect(step.erased == [0: 6, 1: 2])
        let long = Array("customer-1".utf8)
        let one = ErasureMatcher([(key.erasureMark(of: long), long)], key: key)
        #expect(one.match(Array(#"{"user_id":"customer-12"}"#.utf8)) == nil)
        #expect(one.match(Array(#"{"user_id":"customer-12"#.utf8)) == 0)
        let all = try letters.read(after: 0, limit: 100)
        #expect(all.map(\.seq) == Array(1...Int64(speaking.count + silent.count)))
        for (index, letter) in all.enumerated() {
            #expect(letter.line.isEmpty == (index < speaking.count || (speaking + silent)[index].isEmpty))
            #expect((letter.detail == DeadLetters.erasedDetail) == (index < speaking.count))
            #expect(letter.code == "bad_field")
        }
    }

    @Test func `an id is found however a broken line escapes it`() {
        let id = Array("a\"\\사😀\u{1}\n-".utf8)
        let matcher = ErasureMatcher([(key.erasureMark(of: id), id)], key: key)
        for text in [
            #"{"user_id":"a\"\\사😀\u0001\n-","#, #"{"user_id":"a\"\\\uc0ac\uD83D\ude00\u0001\n-""#,
        ] {
            #expect(matcher.match(Array(text.utf8)) == 0, "\(text)")
        }
        for text in [#"{"user_id":"a\"\\\uc0ad"#, #"\"#, #"\u"#, #"\ud83d"#, #"\ud83d\u0041"#, #"\uzzzz"#] {
            #expect(matcher.match(Array(text.utf8)) == nil, "\(text)")
        }
    }

    @Test func `a user of whom only the mark is known is found where a line is whole`() throws {
        let directory = try TemporaryDirectory()
        var letters = try letters(
            [#"{"user_id":"u-1"}"#, #"{"user_id":"u-2"}"#], in: directory.path + "/deadletters.db")
        let mark = key.erasureMark(of: Array("u-1".utf8))
        let step = try letters.erase(ErasureMatcher([(mark, nil)], key: key), bounds: [100], from: 0)
        #expect(step.erased == [0: 1])
        #expect(try letters.read(after: 0, limit: 9).map(\.line.isEmpty) == [true, false])
    }

    @Test func `letters after the erasure are another user's`() throws {
        let directory = try TemporaryDirectory()
        var letters = try letters(
            (0..<4).map { _ in #"{"user_id":"u-1"}"# }, in: directory.path + "/deadletters.db")
        let user = Array("u-1".utf8)
        let matcher = ErasureMatcher([(key.erasureMark(of: user), user)], key: key)
        #expect(try letters.erase(matcher, bounds: [2], from: 0).erased == [0: 2])
        #expect(try letters.read(after: 0, limit: 9).map(\.line.isEmpty) == [true, true, false, false])
    }

    @Test func `nothing of an erased letter is in the file`() throws {
        let directory = try TemporaryDirectory()
        let raw = (0..<3000).map { "{\"user_id\":\"\($0 % 3 == 0 ? id : "other")\",\"n\":\($0)" }
        var letters = try letters(raw, in: directory.path + "/deadletters.db")
        #expect(try found(id, in: directory) > 0)
        let user = Array(id.utf8)
        let matcher = ErasureMatcher([(key.erasureMark(of: user), user)], key: key)
        var next: Int64? = 0
        while let from = next { next = try letters.erase(matcher, bounds: [.max], from: from).next }
        while try letters.overwriteFreePages() {}
        #expect(try letters.emptyLog())
        #expect(try found(id, in: directory) == 0)
    }

    // MARK: Journal and search

    @Test func `a rotated journal can be cut to its last record`() throws {
        let system = FaultyFileSystem()
        var journal = try openJournal(system)
        #expect(try journal.rotate() == 1)
        try commit([100, 200], to: &journal)
        #expect(try journal.rotate() == 3)
        #expect(try journal.rotate() == 3)
        #expect(try journal.cut(below: 3) == 1)
        #expect(journal.firstRecord == 3)
        let later = try commit([50], to: &journal)
        let again = try openJournal(system, from: 3)
        #expect(try entries(again, from: 3) == later)
        _ = journal.append(kind: 1, payload: [1])
        #expect(try journal.rotate() == nil)
    }

    @Test func `bytes are found wherever they stand, across the windows of a search`() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/file"
        let needle = Array("needle".utf8)
        for place in [0, 1, (4 << 20) - 3, (4 << 20) - 6, 4 << 20, (8 << 20) + 5, (9 << 20) - 6] {
            var bytes = [UInt8](repeating: UInt8(ascii: "n"), count: 9 << 20)
            bytes.replaceSubrange(place..<place + 6, with: needle)
            try DiskFileSystem().open(path, .create).write(bytes, at: 0)
            let (found, read) = try ByteSearch(fileSystem: DiskFileSystem()).count([needle, [1]], in: path)
            #expect(found == [1, 0])
            #expect(read == Int64(bytes.count))
        }
    }
}

/// An archive in which an erased user stays, or that loses more than that.
struct JournalArchiveTests {
    private let disk = DiskFileSystem()

    @Test func `records change where they are asked to, and nowhere else`() throws {
        let home = try TemporaryDirectory()
        let (directory, archive) = (home.path + "/journal", home.path + "/archive")
        try disk.createDirectory(directory)
        var journal = try openJournal(disk, directory: directory, segmentBytes: 45, archive: archive)
        var written: [Entry] = []
        for lengths in [[10, 20], [30], [40, 5000, 60], [70]] { written += try commit(lengths, to: &journal) }
        #expect(try journal.cut(below: 7) == 3)
        let kept = JournalArchive(directory: archive, store: testStore, fileSystem: disk)
        let before = try files(archive)
        #expect(try kept.rewrite(through: 100) { _, _, _ in nil } == 0)
        #expect(try files(archive) == before)
        let changed = try kept.rewrite(through: 100) { number, kind, payload in
            number == 2 || number == 5 ? Array(payload.prefix(3)) : nil
        }
        #expect(changed == 2)
        #expect(try files(archive)[1] == before[1])
        // What cannot be concerned is not even read.
        _ = try kept.rewrite(through: 3) { number, _, _ in
            #expect(number <= 3)
            return nil
        }
        for name in try disk.list(archive) {
            try disk.rename("\(archive)/\(name)", to: "\(directory)/\(name)")
        }
        for index in [1, 4] { written[index].payload = Array(written[index].payload.prefix(3)) }
        #expect(try entries(openJournal(disk, directory: directory)) == written)
    }

    @Test func `a damaged segment is told of and stays`() throws {
        let home = try TemporaryDirectory()
        let (directory, archive) = (home.path + "/journal", home.path + "/archive")
        try disk.createDirectory(directory)
        var journal = try openJournal(disk, directory: directory, segmentBytes: 45, archive: archive)
        for _ in 0..<2 { try commit([100], to: &journal) }
        _ = try journal.cut(below: 2)
        let name = try disk.list(archive)[0]
        var bytes = try contents("\(archive)/\(name)", in: disk)
        bytes[bytes.count - 4] ^= 1
        try disk.open("\(archive)/\(name)", .create).write(bytes, at: 0)
        #expect(throws: JournalError.self) {
            try JournalArchive(directory: archive, store: testStore, fileSystem: disk).rewrite(
                through: 100
            ) { _, _, _ in [] }
        }
        #expect(try disk.list(archive) == [name])
        #expect(try contents("\(archive)/\(name)", in: disk) == bytes)
    }

    private func files(_ directory: String) throws -> [[UInt8]] {
        try disk.list(directory).map { try contents("\(directory)/\($0)", in: disk) }
    }
}
