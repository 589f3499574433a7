// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

/// For rooms whose state is confined to one queue: exclusive access is proved by the tests of the debug
/// build and not checked again at each access of the release build. Optimised in debug builds too: their tests
/// replay whole logs.
let hot: [SwiftSetting] =
    strict + [
        .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
        .unsafeFlags(["-O"], .when(configuration: .debug)),
    ]

let package = Package(
    name: "roost",
    products: [.executable(name: "roost", targets: ["roost"])],
    targets: [
        // What Debian already has, each behind one module.
        .target(
            name: "CSimdjson",
            cxxSettings: [.unsafeFlags(["-O3"])],
            linkerSettings: [.linkedLibrary("simdjson")]),
        .systemLibrary(name: "CSQLite", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CXGBoost", providers: [.apt(["libxgboost-dev"])]),
        .target(
            name: "CMicroHTTPD", linkerSettings: [.linkedLibrary("microhttpd")]),
        // Behind a few lines of C, for curl_easy_setopt takes variable arguments.
        .target(name: "CCurl", linkerSettings: [.linkedLibrary("curl")]),
        .target(name: "CChecksum", cSettings: [.unsafeFlags(["-O3"])]),
        .target(name: "CMachine"),
        // The dashboard's files, compiled in by `#embed`.
        .target(name: "CDashboard", exclude: ["page"], cSettings: [.unsafeFlags(["-std=c23"])]),
        .target(name: "CEpoll"),
        .target(name: "CTLS", linkerSettings: [.linkedLibrary("ssl"), .linkedLibrary("crypto")]),

        // The rooms, in the order an event travels.
        .target(name: "Core", swiftSettings: hot),
        .target(
            name: "Wire",
            dependencies: ["Core", "CSimdjson", "CZlib", "CEpoll", "CTLS", "CCurl"],
            swiftSettings: strict),
        // Optimised in debug builds too: its tests fit real tables, a hundred times slower without.
        .target(
            name: "Models", dependencies: ["CXGBoost"],
            swiftSettings: strict + [.unsafeFlags(["-O"], .when(configuration: .debug))]),
        .target(name: "Engine", dependencies: ["Core", "Models", "CMachine"], swiftSettings: hot),
        .target(
            name: "Store", dependencies: ["Core", "CSQLite", "CChecksum"], swiftSettings: strict),
        .target(name: "Status", dependencies: ["Core", "CMicroHTTPD", "CDashboard"], swiftSettings: strict),
        .executableTarget(
            name: "roost",
            dependencies: ["Core", "Wire", "Engine", "Models", "Store", "Status"],
            swiftSettings: strict),

        // What several test targets share: a disk that loses power, a plain model of every user.
        .target(
            name: "StoreSupport", dependencies: ["Store", "Core"], path: "Tests/StoreSupport",
            swiftSettings: strict),
        .target(
            name: "EngineSupport", dependencies: ["Engine", "Core"], path: "Tests/EngineSupport",
            swiftSettings: strict),

        .testTarget(name: "CoreTests", dependencies: ["Core"], swiftSettings: strict),
        .testTarget(
            name: "WireTests", dependencies: ["Wire", "Core"], swiftSettings: strict),
        .testTarget(
            name: "ModelsTests", dependencies: ["Models"],
            resources: [.copy("Oracles")], swiftSettings: strict),
        .testTarget(
            name: "EngineTests", dependencies: ["Engine", "EngineSupport", "Core", "Models"],
            swiftSettings: strict),
        .testTarget(
            name: "StoreTests", dependencies: ["Store", "StoreSupport", "Core"], swiftSettings: strict),
        // The engine and the store together, and nothing else of the daemon.
        .testTarget(
            name: "SimulationTests",
            dependencies: ["Engine", "EngineSupport", "Store", "StoreSupport", "Core"],
            swiftSettings: strict),
        .testTarget(name: "StatusTests", dependencies: ["Status", "Core"], swiftSettings: strict),
        .testTarget(
            name: "DaemonTests", dependencies: ["roost", "Core", "Engine", "Store", "Wire"],
            swiftSettings: strict),
    ],
    cxxLanguageStandard: .cxx20
)
