/// The log behind this project, as far as it is published: what a generated one must come out as.
struct LogShape: Sendable {
    /// A source of visits, with how the log counts it.
    struct Medium: Sendable {
        var name: String
        var isAd: Bool
        /// Events that carry it.
        var events: Int
        /// Users whose main medium it is, and those of them who bought.
        var users: Int
        var converted: Int
    }

    /// Event names in the order in which they follow each other within a session.
    enum Name: Int, CaseIterable {
        case firstVisit, sessionStart, signUp, login, addToCart, beginCheckout, purchase

        var text: StaticString {
            switch self {
            case .firstVisit: "first_visit"
            case .sessionStart: "session_start"
            case .signUp: "sign_up"
            case .login: "login"
            case .addToCart: "add_to_cart"
            case .beginCheckout: "begin_checkout"
            case .purchase: "purchase"
            }
        }
    }

    var events: Int
    var users: Int
    /// By `Name`.
    var named: [Int]
    var media: [Medium]
    var converted: Int
    var desktopUsers: Int
    var desktopConverted: Int
    var desktopEvents: Int
    /// Users that log in and check out without end and never buy, and what they do in all.
    var bots: Int
    var botLogins: Int
    var botCheckouts: Int
    var botSessions: Int

    /// 2024-07-01 to 2024-12-31. Events by name, users by device and conversion, events ad and not, the
    /// conversion by main medium and the larger media's events are the published figures; the smaller
    /// media's events, and users by main medium, are chosen so that all of it adds up.
    static let published = LogShape(
        events: 25_597_319, users: 4_481_842,
        named: [3_803_531, 15_710_066, 37_190, 491_079, 846_926, 3_720_879, 987_648],
        media: [
            Medium(name: "criteo", isAd: true, events: 5_391_896, users: 1_695_522, converted: 25_433),
            Medium(
                name: "advertiser_apppush", isAd: true, events: 4_980_346, users: 293_267, converted: 169_215),
            Medium(name: "direct", isAd: false, events: 3_655_698, users: 387_601, converted: 89_923),
            Medium(name: "kakao_alimtok", isAd: true, events: 2_443_547, users: 379_689, converted: 44_044),
            Medium(name: "not_set", isAd: false, events: 2_048_257, users: 369_363, converted: 31_396),
            Medium(name: "RTB", isAd: true, events: 1_734_349, users: 215_823, converted: 37_985),
            Medium(name: "advertiser_sms", isAd: true, events: 932_248, users: 127_146, converted: 18_945),
            Medium(name: "organic", isAd: false, events: 636_282, users: 146_090, converted: 6_866),
            Medium(name: "kakao_dm", isAd: true, events: 594_582, users: 123_600, converted: 7_540),
            Medium(name: "TOSS", isAd: true, events: 523_974, users: 123_156, converted: 5_419),
            Medium(name: "referral", isAd: false, events: 474_945, users: 104_306, converted: 5_528),
            Medium(name: "ADN", isAd: true, events: 468_558, users: 195_473, converted: 4),
            Medium(name: "naver_bs", isAd: true, events: 365_534, users: 56_553, converted: 6_617),
            Medium(
                name: "advertiser_affiliate", isAd: true, events: 352_999, users: 49_775, converted: 6_968),
            Medium(name: "google_SA", isAd: true, events: 152_000, users: 37_225, converted: 1_452),
            Medium(name: "naver_search", isAd: true, events: 141_000, users: 25_985, converted: 2_105),
            Medium(name: "advertiser_naver", isAd: true, events: 118_000, users: 13_612, converted: 2_736),
            Medium(name: "payco", isAd: true, events: 88_000, users: 15_701, converted: 1_366),
            Medium(
                name: "advertiser_homeshopping", isAd: true, events: 74_000, users: 8_611, converted: 1_705),
            Medium(name: "advertiser_braze", isAd: true, events: 62_000, users: 5_002, converted: 1_801),
            Medium(name: "facebook", isAd: true, events: 58_000, users: 23_097, converted: 32),
            Medium(name: "kakao_SA", isAd: true, events: 47_000, users: 12_139, converted: 400),
            Medium(name: "google_DA", isAd: true, events: 46_104, users: 19_151, converted: 2),
            Medium(
                name: "advertiser_wondershopping", isAd: true, events: 45_000, users: 8_892, converted: 613),
            Medium(name: "instagram", isAd: true, events: 43_000, users: 17_266, converted: 19),
            Medium(name: "kakao_share", isAd: true, events: 39_000, users: 9_471, converted: 379),
            Medium(name: "advertiser_tv", isAd: true, events: 31_000, users: 4_274, converted: 624),
            Medium(name: "advertiser_ars", isAd: true, events: 26_000, users: 4_023, converted: 471),
            Medium(name: "appier", isAd: true, events: 24_000, users: 10_029, converted: 0),
        ],
        converted: 469_588, desktopUsers: 399_535, desktopConverted: 9_091, desktopEvents: 790_247,
        bots: 3, botLogins: 48_219, botCheckouts: 46_839, botSessions: 180)

    func count(_ name: Name) -> Int { named[name.rawValue] }

    /// The same shape at another size; every total adds up again.
    func scaled(events: Int, users: Int) -> LogShape {
        if events == self.events, users == self.users { return self }
        var shape = self
        let byEvents = Double(events) / Double(self.events)
        let byUsers = Double(users) / Double(self.users)
        func share(_ number: Int, _ scale: Double) -> Int { Int((Double(number) * scale).rounded()) }
        shape.events = events
        shape.users = users
        shape.converted = share(converted, byUsers)
        shape.desktopUsers = share(desktopUsers, byUsers)
        shape.desktopConverted = min(share(desktopConverted, byUsers), shape.converted)
        shape.desktopEvents = share(desktopEvents, byEvents)
        shape.bots = users >= 1000 ? bots : 0
        shape.botLogins = shape.bots == 0 ? 0 : share(botLogins, byEvents)
        shape.botCheckouts = shape.bots == 0 ? 0 : share(botCheckouts, byEvents)
        shape.botSessions = shape.bots == 0 ? 0 : max(shape.bots, share(botSessions, byEvents))
        shape.named = Apportionment.whole(named.map(Double.init), total: events)
        shape.fitNamesToUsers()
        for (index, count) in Apportionment.whole(media.map { Double($0.events) }, total: events).enumerated()
        {
            shape.media[index].events = count
        }
        shape.scaleMediaUsers(from: media)
        return shape
    }

    /// No more first visits and sign-ups than users, no fewer purchases than buyers; visits make up for it.
    private mutating func fitNamesToUsers() {
        func set(_ name: Name, _ count: Int) {
            named[Name.sessionStart.rawValue] += named[name.rawValue] - count
            named[name.rawValue] = count
        }
        set(.firstVisit, min(count(.firstVisit), users - bots - (users - bots) / 8))
        set(.signUp, min(count(.signUp), users / 4))
        set(.purchase, max(count(.purchase), converted))
        set(.beginCheckout, max(count(.beginCheckout), count(.purchase) + botCheckouts))
        set(.login, max(count(.login), botLogins))
    }

    private mutating func scaleMediaUsers(from full: [Medium]) {
        let buyers = Apportionment.whole(full.map { Double($0.converted) }, total: converted)
        let others = Apportionment.whole(
            full.map { Double($0.users - $0.converted) }, total: users - converted)
        for index in media.indices {
            media[index].converted = buyers[index]
            media[index].users = buyers[index] + others[index]
        }
    }
}

/// Whole shares that add up.
enum Apportionment {
    /// Largest remainders: `total` in proportion to the weights, ties to the first.
    static func whole(_ weights: [Double], total: Int) -> [Int] {
        let sum = weights.reduce(0, +)
        guard sum > 0 else { return weights.map { _ in 0 } }
        let exact = weights.map { $0 / sum * Double(total) }
        var shares = exact.map { Int($0) }
        let order = exact.indices.sorted {
            let (a, b) = (exact[$0] - exact[$0].rounded(.down), exact[$1] - exact[$1].rounded(.down))
            return a != b ? a > b : $0 < $1
        }
        for index in order.prefix(total - shares.reduce(0, +)) { shares[index] += 1 }
        return shares
    }
}
