/// The columns in an order that follows from what they say: items and categories by their bytes, users by
/// their hash. What is fitted on this does not depend on the order the columns came in.
struct RecommendationData {
    /// The most bought ones.
    let items: NameList
    let categories: NameList
    /// Of the users with items, ascending.
    let hashes: [UInt64]
    let segments: [UInt8]
    let grades: [UInt8]
    let counts: SparseCounts
    /// Distinct lines of purchases, by user, day and item.
    let lines: [Line]
    let amounts: [[(category: Int, amount: Double)]]
    let itemHashes: [UInt64]
    let asOfDay: Int32
    let segmentNames: [String]

    struct Line: Hashable {
        var user: Int32
        var day: Int32
        var item: Int32
    }

    init(_ columns: RecommendationsColumns, mostItems: Int) {
        let users = (0..<columns.users).filter {
            columns.historyOffsets[$0] < columns.historyOffsets[$0 + 1]
        }.sorted { columns.hashes[$0] < columns.hashes[$1] }
        let (items, places) = Self.chosen(columns, mostItems)
        let (categories, categoryPlaces) = Self.ordered(columns.categories, 0..<columns.categories.count)
        var counts = SparseCounts(columnCount: items.count)
        var amounts: [[(category: Int, amount: Double)]] = []
        var numbers = [Int32](repeating: -1, count: columns.users)
        for (number, user) in users.enumerated() {
            numbers[user] = Int32(number)
            counts.append(Self.history(columns, user, places))
            let range = Int(columns.amountOffsets[user])..<Int(columns.amountOffsets[user + 1])
            amounts.append(
                range.map { (Int(categoryPlaces[Int(columns.amountCategories[$0])]), columns.amounts[$0]) }
                    .sorted { $0.category < $1.category })
        }
        self.items = items
        self.categories = categories
        self.counts = counts
        self.amounts = amounts
        hashes = users.map { columns.hashes[$0] }
        segments = users.map { columns.segments[$0] }
        grades = users.map { columns.grades[$0] }
        lines = Self.lines(columns, numbers, places)
        itemHashes = (0..<items.count).map { Self.hash(items[$0]) }
        asOfDay = columns.asOfDay
        segmentNames = columns.segmentNames
    }

    var users: Int { hashes.count }

    private static func history(
        _ columns: RecommendationsColumns, _ user: Int, _ places: [Int32]
    ) -> [(column: Int32, value: Float)] {
        var history: [(column: Int32, value: Float)] = []
        for index in Int(columns.historyOffsets[user])..<Int(columns.historyOffsets[user + 1]) {
            let place = places[Int(columns.historyItems[index])]
            if place >= 0, columns.historyCounts[index] > 0 {
                history.append((place, Float(columns.historyCounts[index])))
            }
        }
        history.sort { $0.column < $1.column }
        return history
    }

    /// Items by how many users bought them, equal ones by their bytes; and each column's place among them.
    private static func chosen(
        _ columns: RecommendationsColumns, _ most: Int
    ) -> (NameList, places: [Int32]) {
        var users = [Int](repeating: 0, count: columns.items.count)
        for item in columns.historyItems { users[Int(item)] += 1 }
        let bought = users.indices.filter { users[$0] > 0 }.sorted {
            users[$0] != users[$1]
                ? users[$0] > users[$1]
                : columns.items[$0].lexicographicallyPrecedes(columns.items[$1])
        }
        return ordered(columns.items, bought.prefix(most))
    }

    private static func ordered(
        _ names: RecommendationsColumns.Names, _ chosen: some Sequence<Int>
    ) -> (NameList, places: [Int32]) {
        var places = [Int32](repeating: -1, count: names.count)
        let sorted = chosen.sorted { names[$0].lexicographicallyPrecedes(names[$1]) }
        for (place, number) in sorted.enumerated() { places[number] = Int32(place) }
        return (NameList(ascending: sorted.map { names[$0] }), places)
    }

    private static func lines(
        _ columns: RecommendationsColumns, _ users: [Int32], _ places: [Int32]
    ) -> [Line] {
        var lines: [Line] = []
        for index in 0..<columns.lineUsers.count {
            let (user, item) = (
                users[Int(columns.lineUsers[index])], places[Int(columns.lineItems[index])]
            )
            if user >= 0, item >= 0 {
                lines.append(Line(user: user, day: columns.lineDays[index], item: item))
            }
        }
        lines.sort {
            $0.user != $1.user ? $0.user < $1.user : $0.day != $1.day ? $0.day < $1.day : $0.item < $1.item
        }
        var distinct: [Line] = []
        for line in lines where line != distinct.last { distinct.append(line) }
        return distinct
    }

    /// FNV-1a.
    private static func hash(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }

    /// Whether an item of a user is kept for judging: one in five, by their names alone.
    func isMasked(_ user: Int, _ item: Int) -> Bool {
        var z = hashes[user] ^ itemHashes[item]
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return (z ^ (z >> 31)) % 5 == 0
    }

    /// What is learnt from when it is judged: everything but the masked.
    var unmasked: SparseCounts {
        var kept = SparseCounts(columnCount: counts.columnCount)
        for user in 0..<users {
            kept.append(
                counts.row(user).filter { !isMasked(user, Int(counts.columns[$0])) }.map {
                    (counts.columns[$0], counts.values[$0])
                })
        }
        return kept
    }

    /// What each user bought on each day, and whose it was; a masked line is in none.
    func baskets(withMasked: Bool) -> (baskets: Baskets, users: [Int32]) {
        var (baskets, owners) = (Baskets(), [Int32]())
        var index = 0
        while index < lines.count {
            let first = lines[index]
            var items: [Int32] = []
            while index < lines.count, lines[index].user == first.user, lines[index].day == first.day {
                let line = lines[index]
                if withMasked || !isMasked(Int(line.user), Int(line.item)) { items.append(line.item) }
                index += 1
            }
            if items.isEmpty { continue }
            baskets.append(items)
            owners.append(first.user)
        }
        return (baskets, owners)
    }
}
